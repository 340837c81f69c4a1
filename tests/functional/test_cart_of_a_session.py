"""A visitor's cart lives exactly as long as the session that names it, and leads to no other key."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from webtest import TestApp

from buying import LAMP, MUG, fill, in_cart
from observing import text_of
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

HOUR = 3600


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The clock of the app, standing still."""
    with time_machine.travel(1_800_000_000, tick=False) as traveller:
        yield traveller


def lives(shop_redis: ObservedRedis) -> tuple[int, int]:
    """Return how many seconds the visitor's session has to live, and how many their cart."""
    (session,) = shop_redis.keys("session:" + "[0-9a-f]" * 32)
    (cart,) = shop_redis.keys("cart:{visitor:*}")
    return shop_redis.ttl(session), shop_redis.ttl(cart)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"anonymous_timeout": "900"},
        {"anonymous_timeout": "864000", "absolute_timeout": "None"},
        {"timeout": "None", "absolute_timeout": "None"},
        {"timeout_trigger": "None"},
        {"timeout_trigger": "None", "python_expires": "false"},
    ],
)
def test_it_ends_when_the_session_does_however_that_is_used(
    shop_with: Callable[[dict[str, Any]], TestApp],
    shop_redis: ObservedRedis,
    clock: time_machine.Traveller,
    changes: dict[str, str],
) -> None:
    visitor = shop_with({f"redis.sessions.{key}": value for key, value in changes.items()})
    for act in (fill, fill, in_cart, lambda browser: browser.get("/"), fill, in_cart):
        act(visitor)
        session, cart = lives(shop_redis)
        assert abs(session - cart) <= 1, (session, cart)
        clock.shift(400)
        for key in (*shop_redis.keys("session:*"), *shop_redis.keys("cart:*")):
            if session > 0:
                shop_redis.expire(key, shop_redis.ttl(key) - 400)  # its clock cannot be put on


def test_the_absolute_end_is_its_end_too(
    visitor: TestApp, shop_redis: ObservedRedis, clock: time_machine.Traveller
) -> None:
    fill(visitor)
    for _ in range(5):
        clock.shift(2 * HOUR)
        visitor.get("/cart")
    clock.shift(HOUR)
    fill(visitor)

    session, cart = lives(shop_redis)

    assert session == pytest.approx(HOUR, abs=2)
    assert cart == pytest.approx(session, abs=1)


def test_a_session_that_is_ended_takes_the_cart_along(
    visitor: TestApp, shop_redis: ObservedRedis, clock: time_machine.Traveller
) -> None:
    """A retired id comes back: somebody has stolen the cookie."""
    fill(visitor)
    stolen = dict(visitor.cookies)
    for _ in range(3):
        clock.shift(HOUR)
        visitor.get("/cart")
    thief = TestApp(visitor.app)
    for name, value in stolen.items():
        thief.set_cookie(name, value.strip('"'))

    thief.get("/cart")

    assert not shop_redis.keys("cart:{visitor:*}")


def test_a_mark_leads_to_a_persons_cart_and_touches_no_other_key(visitor: TestApp, shop_redis: ObservedRedis) -> None:
    """Whoever may write to carts may not delete sessions by it."""
    fill(visitor)
    (cart,) = shop_redis.keys("cart:{visitor:*}")
    (session,) = shop_redis.keys("session:*")
    for target in (session, b"other", b"cart:{user:1}:presses", b"cart:{visitor:x}", b"cart:{user:1}}x", b""):
        shop_redis.hset(cart, ":moved", target)
        before = shop_redis.dump(session)

        fill(visitor, LAMP, 1)
        in_cart(visitor)
        visitor.post(f"/cart/items/{LAMP}", {"quantity": "0"}, headers=JSON)

        assert shop_redis.dump(session) == before
        assert {key for key in shop_redis.scan_iter() if not key.startswith(b"throttle:")} == {session, cart}
        assert in_cart(visitor) == {MUG: 2}
    log_in(visitor)
    assert in_cart(visitor) == {MUG: 2}


def test_the_limit_of_lines_holds_when_carts_come_together_and_the_person_is_told(
    shop_with: Callable[[dict[str, Any]], TestApp],
) -> None:
    owner = shop_with({"shop.cart_max_lines": "2"})
    log_in(owner)
    fill(owner)
    visitor = TestApp(owner.app)
    for sku in (LAMP, MUG):
        fill(visitor, sku, 1)
    log_in(visitor)
    assert in_cart(owner) == {MUG: 3, LAMP: 1}

    late = TestApp(owner.app)
    for sku in ("brass-pen", MUG):
        fill(late, sku, 1)
    log_in(late)

    assert in_cart(owner) == {MUG: 4, LAMP: 1}
    told = text_of(late.get("/cart"))
    assert "1 product from your visit came along into your cart." in told
    assert "1 product from your visit did not fit: a cart holds at most 2 different products." in told
