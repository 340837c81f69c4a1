"""The numbers: what they count, that nobody waits for them, and who may see them."""

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest
import redis
from pyramid_retry import RetryableException
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from webtest import TestApp

from buying import fill, look, order, sent, set_product
from on_database import Database
from scraping import counting, read, scrape
from shopapp.accounts.hashing import PLACES
from shopapp.catalog import views as catalogue
from shopapp.db import database_watch
from shopapp.db.watch import Watch
from shopapp.mail import post
from shopapp.mail.outbox import SENDER
from shopapp.metrics import requests, views
from shopapp.redis import watching
from shopapp.redis.nodes import Node
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON

AWAY = (redis.exceptions.ConnectionError("refused"), "away")
HANGS = (redis.exceptions.TimeoutError("Timeout reading from socket"), "hung")
SECONDS = "shopapp_request_seconds_count method={} route={} status={}"
TRIPS = "shopapp_redis_round_trip_seconds_count outcome={}"
LETTERS = "shopapp_letters_total kind=trial outcome={}"
CHECKOUT = "shopapp_events_total event=CheckoutRefused reason={}"


# What is counted


def test_requests_are_measured_by_route_method_and_status(visitor: TestApp) -> None:
    with counting(visitor) as risen:
        visitor.get("/")
        visitor.get("/products/brass-pen")
        visitor.get("/cart", status=200)
        visitor.get("/nothing-here", status=404)
        visitor.request("/cart", method="DELETE", status=405)
        visitor.post("/login", {"email": "a@example.com", "password": "wrong"}, headers=JSON, status=401)

    assert {name: by for name, by in risen.items() if "request_seconds" in name} == {
        SECONDS.format("GET", "home", 200): 1,
        SECONDS.format("GET", "product", 200): 1,
        SECONDS.format("GET", "cart", 200): 1,
        SECONDS.format("GET", "none", 404): 1,
        SECONDS.format("other", "cart", 405): 1,
        SECONDS.format("POST", "login", 401): 1,
    }


def test_a_request_that_is_run_again_is_one_request_and_told_with_the_reason(
    visitor: TestApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    related = catalogue.related_products

    def fail_once(*arguments: Any) -> Any:
        tried.append(1)
        if len(tried) == 1:
            raise RetryableException("somebody was faster")
        return related(*arguments)

    monkeypatch.setattr(catalogue, "related_products", fail_once)

    with counting(visitor) as risen:
        visitor.get("/products/brass-pen", status=200)

    assert risen == {
        "shopapp_requests_run_again_total reason=RetryableException": 1,
        SECONDS.format("GET", "product", 200): 1,
    }


def test_each_outcome_of_a_checkout_is_counted(visitor: TestApp, shop_settings: dict[str, Any]) -> None:
    fill(visitor)
    seen = look(visitor)
    with counting(visitor) as risen:
        order(visitor, sent(seen, name=""), status=422)
        set_product(shop_settings, price=99_00)
        order(visitor, sent(seen), status=409)
        set_product(shop_settings, stock=1)
        order(visitor, sent(look(visitor)), status=409)
        set_product(shop_settings, stock=9)
        fields = sent(look(visitor))
        order(visitor, fields)
        order(visitor, fields, status=200)  # the same again is no other order

    told = {name.partition("event=")[2]: by for name, by in risen.items() if "Checkout" in name or "Order" in name}
    assert told == {
        "CheckoutRefused reason=invalid": 1,
        "CheckoutRefused reason=total_changed": 1,
        "CheckoutRefused reason=short": 1,
        "OrderPlaced reason=": 1,
    }


def test_what_can_be_known_before_is_there_from_the_start(visitor: TestApp) -> None:
    numbers = scrape(visitor)

    for name in (
        "shopapp_events_total event=SessionEnded reason=reused",
        "shopapp_events_total event=SessionRefused reason=signature",
        "shopapp_events_total event=SessionMerged reason=",
        "shopapp_letters_total kind=order_placed outcome=given_up",
        TRIPS.format("not_sent"),
        CHECKOUT.format("short"),
    ):
        assert name in numbers


@pytest.mark.parametrize(("error", "outcome"), [AWAY, HANGS])
def test_round_trips_to_redis_are_told_by_their_outcome(
    customer: TestApp, shop_redis: ObservedRedis, error: Exception, outcome: str
) -> None:
    def fail(_command: str) -> None:
        raise error

    with counting(customer) as risen:
        shop_redis.commands.clear()
        customer.get("/cart")
        answered = len(shop_redis.commands)
        shop_redis.before = fail
        customer.get("/account", headers=JSON, status=503)

    assert risen[TRIPS.format("answered")] == answered > 0
    assert risen[TRIPS.format(outcome)] >= 1


def test_a_node_of_redis_that_is_left_alone_is_told(visitor: TestApp) -> None:
    node, is_back = Node("192.0.2.9:6379"), Event()
    name = f"shopapp_redis_breaker_open node={node.address}"

    node.leave("it hangs", is_back.is_set)
    assert scrape(visitor)[name] == 1

    is_back.set()
    deadline = time.monotonic() + 10
    while scrape(visitor)[name] != 0:
        assert time.monotonic() < deadline


def test_a_database_that_is_away_is_told(shop_app: Any, visitor: TestApp, database: Database) -> None:
    is_back = Event()

    def ask() -> None:
        if not is_back.is_set():
            raise TimeoutError

    watch = Watch(ask)  # as for a PostgreSQL; there is nobody to ask where the database is a file
    watch.watcher = database_watch(shop_app.registry).watcher
    engine = shop_app.registry["shopapp.sessionmaker"].kw["bind"].dialect.name
    name = f"shopapp_database_away engine={engine}"
    assert scrape(visitor)[name] == 0

    watch.doubt("the connection was lost")
    assert scrape(visitor)[name] == 1

    is_back.set()
    deadline = time.monotonic() + 10
    while scrape(visitor)[name] != 0:
        assert time.monotonic() < deadline


def test_who_hashes_and_who_waits_for_it_is_told(visitor: TestApp) -> None:
    done = Event()

    def hash_something() -> None:
        with PLACES.place():
            done.wait(10)

    def hashes() -> tuple[float, float]:
        numbers = scrape(visitor)
        return numbers["shopapp_hashes state=running"], numbers["shopapp_hashes state=waiting"]

    threads = [Thread(target=hash_something) for _ in range(PLACES.at_once + 1)]
    for each in threads:
        each.start()
    while (told := hashes()) != (PLACES.at_once, 1):
        assert threads[-1].is_alive(), told  # it waits for a second at most, and then fails
    done.set()
    for each in threads:
        each.join()

    assert hashes() == (0, 0)


def test_letters_are_counted_when_they_are_committed_and_those_that_wait_are_told(
    visitor: TestApp, shop_app: Any, database: Database
) -> None:
    sessions = shop_app.registry["shopapp.sessionmaker"]
    dbsession: Session
    with counting(visitor) as risen:
        with sessions() as dbsession, dbsession.begin() as transaction:
            post(dbsession, "trial", "a@example.com")
            transaction.rollback()
        for recipient in ("a@example.com", "b@example.com", "no address at all"):
            with sessions.begin() as dbsession:
                post(dbsession, "trial", recipient)
    assert risen == {LETTERS.format("written"): 3}
    numbers = scrape(visitor)
    assert (numbers["shopapp_letters_waiting state=due"], numbers["shopapp_letters_waiting state=given_up"]) == (3, 0)
    assert 0 <= numbers["shopapp_letters_oldest_seconds"] < 60

    with counting(visitor) as risen:
        shop_app.registry[SENDER].send_due()
    assert risen == {LETTERS.format("sent"): 2, LETTERS.format("given_up"): 1}
    numbers = scrape(visitor)
    assert (numbers["shopapp_letters_waiting state=due"], numbers["shopapp_letters_waiting state=given_up"]) == (0, 1)
    assert numbers["shopapp_letters_oldest_seconds"] == 0


# In nobody's way


def test_a_number_that_cannot_be_told_fails_no_request(
    customer: TestApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("a fault of the numbers")

    monkeypatch.setattr(watching, "_watcher", fail)
    monkeypatch.setattr(requests.REQUESTS, "labels", fail)

    customer.get("/orders", headers=JSON, status=200)

    assert {record.getMessage() for record in caplog.records} == {"watcher_failed", "request_not_measured"}


def test_a_database_that_hangs_keeps_nobody_from_the_other_numbers(
    shop_app: Any, visitor: TestApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    goes_on = Event()

    def hang() -> Any:
        asked.append(1)
        goes_on.wait(10)
        raise OperationalError("SELECT", {}, TimeoutError())

    monkeypatch.setattr(shop_app.registry[views.WAITING], "_sessions", hang)

    for _ in range(3):
        numbers = scrape(visitor)
        assert "shopapp_letters_waiting state=due" not in numbers
        assert numbers["shopapp_processes"] == 1
    assert len(asked) == 1  # and no more threads wait for it than one
    goes_on.set()


def test_a_database_that_is_away_leaves_out_what_it_alone_knows(
    shop_with: Callable[..., TestApp], tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shop = shop_with({"shop.database_url": f"sqlite:///{tmp_path}"})  # a directory is no database

    numbers = scrape(shop)

    assert "shopapp_letters_waiting state=due" not in numbers
    assert numbers["shopapp_processes"] == 1
    assert "letters_not_counted error=" in caplog.text


# Who may see them

PRODUCTION = {
    "shop.production": "true",
    "redis.sessions.secret": "dGhpcyBvbmUgaXMgb25seSBmb3IgdGVzdHMgLSBub3RoaW5nIGVsc2UgMTIz",
    "redis.sessions.cookie_secure": "true",
    "redis.sessions.cookie_name": "__Host-session",
}
OURS = {"metrics.networks": "10.0.0.0/8 2001:db8::/32"}


@pytest.mark.parametrize(
    ("settings", "seen", "hidden"),
    [
        (PRODUCTION, ["127.0.0.1", "::1", "localhost", "::ffff:127.0.0.9"], ["192.0.2.1", "10.1.2.3", "", "::"]),
        (PRODUCTION | OURS, ["10.1.2.3", "2001:db8::7", "::ffff:10.1.2.3"], ["127.0.0.1", "localhost", "11.0.0.1"]),
        (OURS, ["10.255.0.1"], ["127.0.0.1", "not an address"]),
        ({}, ["192.0.2.1"], []),
    ],
    ids=["production", "production with networks", "networks", "development"],
)
def test_who_is_in_no_network_of_theirs_is_told_that_there_is_nothing(
    shop_with: Callable[..., TestApp], settings: dict[str, str], seen: list[str], hidden: list[str]
) -> None:
    shop = shop_with({"redis.sessions.redis_url": "redis://localhost:6379/0", **settings})

    for address in seen:
        answer = shop.get("/metrics", extra_environ={"REMOTE_ADDR": address})
        assert answer.headers["Cache-Control"] == "no-store"
        assert "shopapp_processes" in read(answer.text)
    for address in hidden:
        refused = shop.get("/metrics", extra_environ={"REMOTE_ADDR": address}, headers=JSON, status=404)
        nothing = shop.get("/nothing-here", extra_environ={"REMOTE_ADDR": address}, headers=JSON, status=404)
        assert refused.json == nothing.json
