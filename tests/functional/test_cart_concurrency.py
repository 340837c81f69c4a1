"""Many requests change one cart at the same moment, and none is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from webtest import TestApp

from observing import cookie_of
from shopapp.testing import JSON, ObservedRedis, log_in

MUG = "stoneware-mug"
THREADS, ADDS = 8, 50


def add_one(browser: TestApp, cookie: dict[str, str]) -> None:
    browser.post("/cart/items", {"sku": MUG}, headers={**JSON, **cookie}, status=200)


def mugs(browser: TestApp) -> int:
    return sum(line["quantity"] for line in browser.get("/cart", headers=JSON).json["lines"])


def add_from_all_threads(new_visitor: Callable[[], TestApp], cookie: dict[str, str], adds: int = ADDS) -> None:
    """Add ``adds`` mugs in each of the threads, with one cookie. Raises what a request raised."""

    def add_many(_thread: int) -> None:
        for _ in range(adds):
            # A new browser each time: it must not send on a cookie that an answer set.
            add_one(new_visitor(), cookie)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(add_many, range(THREADS), timeout=60))


def test_a_visitors_cart_holds_exactly_what_all_threads_added(
    visitor: TestApp, new_visitor: Callable[[], TestApp]
) -> None:
    visitor.post("/cart/items", {"sku": MUG}, headers=JSON)
    visitor.post(f"/cart/items/{MUG}", {"quantity": "0"}, headers=JSON)

    add_from_all_threads(new_visitor, cookie_of(visitor))

    assert mugs(visitor) == THREADS * ADDS == 400


def test_a_persons_cart_holds_exactly_what_all_threads_added(
    customer: TestApp, new_visitor: Callable[[], TestApp]
) -> None:
    add_from_all_threads(new_visitor, cookie_of(customer))

    assert mugs(customer) == THREADS * ADDS == 400


@pytest.mark.parametrize("signed_in", [False, True])
def test_an_add_between_any_two_commands_of_another_is_not_lost(
    visitor: TestApp, new_visitor: Callable[[], TestApp], shop_redis: ObservedRedis, signed_in: bool
) -> None:
    if signed_in:
        log_in(visitor)
    add_one(visitor, {})
    cookie, others = cookie_of(visitor), []

    def another_add_first(_command: str) -> None:
        shop_redis.before = lambda _command: None
        add_one(new_visitor(), cookie)
        others.append(1)
        shop_redis.before = another_add_first

    shop_redis.before = another_add_first
    add_one(visitor, {})
    shop_redis.before = lambda _command: None

    assert others
    assert mugs(visitor) == 2 + len(others)


@pytest.mark.parametrize("emptied", [False, True])
def test_an_add_between_any_two_commands_of_the_login_comes_along(
    visitor: TestApp, new_visitor: Callable[[], TestApp], shop_redis: ObservedRedis, emptied: bool
) -> None:
    add_one(visitor, {})
    if emptied:
        visitor.post(f"/cart/items/{MUG}", {"quantity": "0"}, headers=JSON)
    cookie, others = cookie_of(visitor), []

    def add_first(command: str) -> None:
        shop_redis.before = lambda _command: None
        add_one(new_visitor(), cookie)
        # Once the login is through, the visitor's old cookie leads to no cart any more.
        if new_visitor().get("/cart", headers={**JSON, **cookie}).json["lines"]:
            others.append(command)
            shop_redis.before = add_first

    shop_redis.before = add_first
    log_in(visitor)
    shop_redis.before = lambda _command: None

    assert len(others) >= 3
    assert mugs(visitor) == len(others) + (0 if emptied else 1)


@pytest.mark.parametrize("emptied", [False, True])
def test_an_add_that_read_its_session_before_the_login_reaches_the_persons_cart(
    new_visitor: Callable[[], TestApp], shop_redis: ObservedRedis, emptied: bool
) -> None:
    expected, commands = 0, _commands_of_an_add(new_visitor(), shop_redis)
    for number in range(1, len(commands)):
        visitor, adding = new_visitor(), new_visitor()
        add_one(visitor, {})
        if emptied:
            visitor.post(f"/cart/items/{MUG}", {"quantity": "0"}, headers=JSON)
        _log_in_before(shop_redis, number, visitor)
        add_one(adding, cookie_of(visitor))

        expected += 1 if emptied else 2
        assert mugs(visitor) == expected, f"login before command {number} of {commands}"


def _commands_of_an_add(browser: TestApp, shop_redis: ObservedRedis) -> list[str]:
    add_one(browser, {})
    shop_redis.commands.clear()
    add_one(browser, {})
    return list(shop_redis.commands)


def _log_in_before(shop_redis: ObservedRedis, number: int, browser: TestApp) -> None:
    """Have ``browser`` sign in just before the shop sends its command of this number, counted from 0."""
    seen: list[str] = []

    def wait(command: str) -> None:
        if len(seen) == number:
            shop_redis.before = lambda _command: None
            log_in(browser)
        seen.append(command)

    shop_redis.before = wait


def test_adding_in_all_threads_while_logging_in_loses_nothing(
    visitor: TestApp, new_visitor: Callable[[], TestApp], shop_redis: ObservedRedis
) -> None:
    """Whoever comes with the old cookie after the login is a new visitor, so the sum is taken over all carts."""
    add_one(visitor, {})
    cookie = cookie_of(visitor)

    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(add_from_all_threads, new_visitor, cookie, adds=10)
        log_in(visitor)
        adding.result(timeout=60)

    assert sum(_all_carts(shop_redis)) == 1 + THREADS * 10
    assert mugs(visitor) >= 1


def _all_carts(shop_redis: ObservedRedis) -> list[int]:
    plain = redis.Redis(connection_pool=shop_redis.connection_pool)
    hashes: list[dict[bytes, Any]] = [plain.hgetall(key) for key in plain.keys("cart:*") if plain.type(key) == b"hash"]
    return [int(cart.get(MUG.encode(), 0)) for cart in hashes]
