"""Many requests change one cart at the same moment, and none is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from webtest import TestApp

from observing import cookie_of
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

MUG = "stoneware-mug"
THREADS, ADDS = 8, 50


def add_one(browser: TestApp, cookie: dict[str, str]) -> None:
    browser.post("/cart/items", {"sku": MUG}, headers={**JSON, **cookie}, status=200)


def mugs(browser: TestApp) -> int:
    return sum(line["quantity"] for line in browser.get("/cart", headers=JSON).json["lines"])


@pytest.fixture(autouse=True)
def enough_mugs(stock: Callable[[str, int], None]) -> None:
    """As many as all threads together add."""
    stock(MUG, THREADS * ADDS)


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
    cookie, others, refused = cookie_of(visitor), [], []

    def add_first(command: str) -> None:
        shop_redis.before = lambda _command: None
        # Once the session is stored under its new id, the old cookie is told to load the page again.
        answer = new_visitor().post("/cart/items", {"sku": MUG}, headers={**JSON, **cookie}, status="*")
        if answer.status_int == 200:
            others.append(command)
            shop_redis.before = add_first
        else:
            refused.append(answer.status_int)

    shop_redis.before = add_first
    log_in(visitor)
    shop_redis.before = lambda _command: None

    assert len(others) >= 2
    assert refused == [409]
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


def test_of_what_is_added_while_logging_in_all_that_was_accepted_is_in_the_persons_cart(
    visitor: TestApp, new_visitor: Callable[[], TestApp]
) -> None:
    """Whoever comes with the old cookie after the login is told so (409), and has added nothing."""
    add_one(visitor, {})
    cookie, answers = cookie_of(visitor), []

    def add_many(_thread: int) -> None:
        for _ in range(10):
            answer = new_visitor().post("/cart/items", {"sku": MUG}, headers={**JSON, **cookie}, status="*")
            answers.append(answer.status_int)

    with ThreadPoolExecutor(THREADS + 1) as pool:
        adding = [pool.submit(add_many, thread) for thread in range(THREADS)]
        log_in(visitor)
        for thread in adding:
            thread.result(timeout=60)

    assert set(answers) <= {200, 409}
    assert mugs(visitor) == 1 + answers.count(200)
