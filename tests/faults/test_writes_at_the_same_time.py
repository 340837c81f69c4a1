"""Several requests write to one session at the same time. No write may be lost."""

import time
from typing import Any

import pytest
import time_machine

from interleaving import cookies_set_by, held, together, twin_of
from session_app import browser, cookie_of

THREADS, WRITES = 8, 125


def visitor_with(app: Any, path: str) -> Any:
    visitor = browser(app)
    visitor.get(path)
    return visitor


def test_none_of_1000_writes_to_different_keys_is_lost(app: Any) -> None:
    visitor = visitor_with(app, "/set?first=1")

    def write(number: int) -> None:
        tab = twin_of(app, visitor)
        for count in range(WRITES):
            tab.get(f"/set?k{number}-{count}=1")

    together(THREADS, write)

    assert len(visitor.get("/data").json) == THREADS * WRITES + 1


def test_writes_to_different_keys_both_win(either_app: Any, shop_redis: Any) -> None:
    visitor = visitor_with(either_app, "/set?first=1")

    with held(shop_redis, 2, lambda: twin_of(either_app, visitor).get("/set?slow=1")):
        visitor.get("/set?quick=1")

    assert visitor.get("/data").json == {"first": "1", "quick": "1", "slow": "1"}


@pytest.mark.parametrize(
    ("slow", "quick", "outcome"),
    [
        ("/set?a=slow", "/set?a=quick", {"a": "slow", "b": "1"}),
        ("/delete?a", "/set?a=quick", {"a": "quick", "b": "1"}),
        ("/set?a=slow", "/delete?a", {"a": "slow", "b": "1"}),
        ("/delete?a", "/delete?b", {}),
        ("/delete?a", "/set?c=1", {"b": "1", "c": "1"}),
    ],
)
def test_the_later_change_wins_and_a_change_beats_a_deletion(
    app: Any, any_redis: Any, slow: str, quick: str, outcome: dict[str, str]
) -> None:
    visitor = visitor_with(app, "/set?a=1&b=1")

    with held(any_redis, 2, lambda: twin_of(app, visitor).get(slow)):
        visitor.get(quick)

    assert visitor.get("/data").json == outcome


def test_flash_messages_of_both_are_shown_once_each(either_app: Any, shop_redis: Any) -> None:
    visitor = visitor_with(either_app, "/flash?text=first")

    with held(shop_redis, 2, lambda: twin_of(either_app, visitor).get("/flash?text=slow")):
        visitor.get("/flash?text=quick")

    assert sorted(visitor.get("/pop-flash").json) == ["first", "quick", "slow"]
    assert visitor.get("/pop-flash").json == []


def test_a_message_added_while_others_are_shown_is_kept(app: Any, any_redis: Any) -> None:
    visitor = visitor_with(app, "/flash?text=first")

    with held(any_redis, 2, lambda: twin_of(app, visitor).get("/pop-flash")) as shown:
        visitor.get("/flash?text=second")

    assert shown.finish().json == ["first"]
    assert visitor.get("/pop-flash").json == ["second"]


def test_a_writer_among_busy_others_gets_through(app: Any, any_redis: Any) -> None:
    visitor = visitor_with(app, "/set?first=1")

    def write_in_between(_name: str) -> None:
        any_redis.before = lambda name: None
        for number in range(5):
            visitor.get(f"/set?other{number}=1")

    tab = twin_of(app, visitor)
    tab.get("/data")
    any_redis.before = lambda name: write_in_between(name) if name == "EVALSHA" else None
    tab.get("/set?mine=1")

    assert len(visitor.get("/data").json) == 7


def test_a_write_to_the_retired_id_lands_in_the_rotated_session(app: Any, any_redis: Any) -> None:
    def race(step: int) -> bool:
        visitor = visitor_with(app, "/set?first=1")
        with time_machine.travel(time.time() + 1_801, tick=True):
            slow = twin_of(app, visitor)
            with held(any_redis, step, lambda: slow.get("/set?slow=1")) as request:
                visitor.get("/set?quick=1")
            response = request.finish()

            assert visitor.get("/data").json == {"first": "1", "quick": "1", "slow": "1"}
            assert not cookies_set_by(response) or cookie_of(slow) == cookie_of(visitor) or not request.was_held
        return request.was_held

    assert race(1)
    assert race(2)
