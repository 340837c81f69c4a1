"""Observers watch, and cannot fail what they watch."""

import logging
from dataclasses import FrozenInstanceError, fields, is_dataclass
from functools import partial

import pytest
from pyramid.config import Configurator

from shopapp import events
from shopapp.events import RAISE_OBSERVER_ERRORS, CartItemAdded, CartItemRemoved, add_observer

ADDED = CartItemAdded(request=None, sku="a", quantity=1)


def test_an_observer_without_a_name_of_its_own_fails_as_quietly(config: Configurator) -> None:
    add_observer(config, partial(fail), CartItemAdded)

    config.registry.notify(ADDED)


def fail(_event: CartItemAdded) -> None:
    raise RuntimeError("an observer's own fault")


@pytest.fixture
def config() -> Configurator:
    return Configurator(autocommit=True)


def test_an_observer_is_told_of_its_event_and_of_no_other(config: Configurator) -> None:
    told: list[object] = []
    add_observer(config, told.append, CartItemAdded)

    config.registry.notify(CartItemRemoved(request=None, sku="a"))
    config.registry.notify(ADDED)

    assert told == [ADDED]


@pytest.mark.parametrize("raises", [False, None])
def test_an_observer_that_fails_in_production_is_logged_and_stops_nobody(
    config: Configurator, caplog: pytest.LogCaptureFixture, raises: bool | None
) -> None:
    told: list[object] = []
    if raises is not None:
        config.registry[RAISE_OBSERVER_ERRORS] = raises
    add_observer(config, fail, CartItemAdded)
    add_observer(config, told.append, CartItemAdded)
    add_observer(config, fail, CartItemAdded)

    config.registry.notify(ADDED)

    assert told == [ADDED]
    failures = [record for record in caplog.records if record.name == "shopapp.events"]
    assert [record.getMessage() for record in failures] == ["observer_failed event=CartItemAdded handler=fail"] * 2
    assert all(record.levelno == logging.ERROR and record.exc_info for record in failures)


def test_an_observer_that_fails_in_development_is_seen_at_once(config: Configurator) -> None:
    config.registry[RAISE_OBSERVER_ERRORS] = True
    add_observer(config, fail, CartItemAdded)

    with pytest.raises(RuntimeError, match="an observer's own fault"):
        config.registry.notify(ADDED)


def test_a_subscriber_that_is_part_of_the_fact_may_fail_it(config: Configurator) -> None:
    config.add_subscriber(fail, CartItemAdded)

    with pytest.raises(RuntimeError):
        config.registry.notify(ADDED)


EVENTS = [each for each in vars(events).values() if is_dataclass(each)]


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_says_when_it_fires_carries_its_request_and_no_session_id(event: type) -> None:
    names = [field.name for field in fields(event)]

    assert not event.__doc__.startswith(f"{event.__name__}(")
    assert names[0] == "request"
    assert not {"session_id", "session", "cookie", "password"} & set(names)


def test_an_event_cannot_be_changed_by_who_is_told() -> None:
    with pytest.raises(FrozenInstanceError):
        ADDED.sku = "b"
