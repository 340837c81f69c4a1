"""What a page costs when its process is warm: round trips to Redis and SQL statements, by count."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event
from webtest import TestApp

import shopapp
from shopapp.catalog import memory
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

PAGES = (
    "/",
    "/?page=2",
    "/?category=garden",
    "/?q=mug",
    "/products/brass-pen",
    "/products/camp-lantern",
    "/terms",
    "/cart",
)


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """The SQL statements that are sent from here on, whoever sends them."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture(autouse=True)
def long_second(shop_settings: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """The look at the catalogue's version is not due while a test runs: it is counted by a test of its own.

    Takes ``shop_settings``, which sets it to nothing, to come after it.
    """
    monkeypatch.setattr(memory, "LOOK_SECONDS", 3600.0)


def cost(
    browser: TestApp, statements: list[str], redis: ObservedRedis, path: str, headers: dict[str, str]
) -> tuple[int, int]:
    """Ask for a page three times; return what the last time took of Redis and of SQL."""
    for _ in range(2):
        browser.get(path, headers=headers, status="*")
    statements.clear()
    redis.commands.clear()
    browser.get(path, headers=headers, status="*")
    return len(redis.commands), len(statements)


@pytest.mark.parametrize("headers", [{}, JSON], ids=["html", "json"])
@pytest.mark.parametrize("path", [*PAGES, "/login", "/healthz", "/nope", "/?page=abc"])
def test_who_only_looks_costs_nothing(
    visitor: TestApp, statements: list[str], shop_redis: ObservedRedis, path: str, headers: dict[str, str]
) -> None:
    assert cost(visitor, statements, shop_redis, path, headers) == (0, 0)


@pytest.mark.parametrize("path", [*PAGES, "/login"])
def test_a_visitor_with_a_cart_costs_one_round_trip(
    visitor: TestApp, statements: list[str], shop_redis: ObservedRedis, path: str
) -> None:
    for sku in ("brass-pen", "hand-trowel"):
        visitor.post("/cart/items", {"sku": sku})

    assert cost(visitor, statements, shop_redis, path, {}) == (1, 0)
    assert 'class="badge">2<' in visitor.get(path)


@pytest.mark.parametrize("path", [*PAGES, "/account"])
def test_a_person_costs_one_round_trip_where_the_process_knows_them_and_two_where_not(
    customer: TestApp, statements: list[str], shop_redis: ObservedRedis, path: str, shop_settings: dict[str, object]
) -> None:
    customer.post("/cart/items", {"sku": "brass-pen", "quantity": "2"})
    customer.get("/cart")  # takes the message
    elsewhere = TestApp(shopapp.main({}, **shop_settings), cookiejar=customer.cookiejar)

    shop_redis.commands.clear()
    assert 'class="badge">2<' in elsewhere.get(path)
    assert len(shop_redis.commands) == 2
    for browser in (customer, elsewhere):
        assert cost(browser, statements, shop_redis, path, {}) == (1, 0)


@pytest.mark.parametrize("who", ["visitor", "person"])
def test_a_cart_change_costs_two_round_trips_and_no_sql(
    visitor: TestApp, statements: list[str], shop_redis: ObservedRedis, who: str
) -> None:
    """The session and the cart."""
    if who == "person":
        log_in(visitor)
    changes = (
        ("/cart/items", {"sku": "brass-pen"}),
        ("/cart/items/brass-pen", {"quantity": "3"}),
        ("/cart/items/brass-pen", {"quantity": "0"}),
    )
    for path, fields in changes:  # Redis learns the scripts
        visitor.post(path, fields, headers=JSON)

    for path, fields in changes:
        statements.clear()
        shop_redis.commands.clear()
        visitor.post(path, fields, headers=JSON)
        assert (len(shop_redis.commands), len(statements)) == (2, 0), (path, shop_redis.commands, statements)


def test_the_version_is_looked_at_once_a_second(
    visitor: TestApp, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.get("/")
    statements.clear()
    clock = [memory.time.monotonic()]
    monkeypatch.setattr(memory.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(memory, "LOOK_SECONDS", 1.0)
    clock[0] += 3600

    for _ in range(40):  # within four seconds
        visitor.get("/")
        clock[0] += 0.1

    assert len(statements) == 4
    assert all("FROM catalogue" in statement for statement in statements)
