"""Whoever only looks costs Redis nothing and gets no cookie: no command, no Set-Cookie, cacheable pages."""

from collections.abc import Callable

import pytest
from webtest import TestApp

from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON

PAGES = (
    "/",
    "/?page=2",
    "/?q=mug",
    "/?category=garden",
    "/products/brass-pen",
    "/products/camp-lantern",
    "/cart",
    "/account",
    "/login",
    "/login?next=/cart",
    "/healthz",
    "/metrics",
    "/static/shop.css",
    "/static/nope.css",
    "/nope",
    "/products/nope",
    "/?page=abc",
    "/cart/items",
)

FORGED = (
    "session=forged",
    "session=",
    "session=" + "A" * 200,
    "session=" + "A" * 5000,
    'session="\\377\\376"',
    "session=caf\xe9",
    "other=cookie; another=one",
    "session=a; session=b",
    "rubbish;;=;",
)


@pytest.mark.parametrize("headers", [{}, JSON], ids=["html", "json"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_visitor_without_a_cookie_costs_no_redis_command(
    visitor: TestApp, shop_redis: ObservedRedis, method: str, headers: dict[str, str]
) -> None:
    for path in PAGES:
        response = visitor.request(path, method=method, headers=headers, status="*")

        assert response.status_int < 500, path
        assert "Set-Cookie" not in response.headers, path
        assert shop_redis.commands == [], path


@pytest.mark.parametrize("cookie", FORGED)
def test_a_forged_cookie_costs_no_redis_command(visitor: TestApp, shop_redis: ObservedRedis, cookie: str) -> None:
    for path in PAGES:
        response = visitor.get(path, headers={"Cookie": cookie}, status="*")

        assert response.status_int < 500, path
        assert "Set-Cookie" not in response.headers, path
        assert shop_redis.commands == [], path


def test_a_cookie_signed_with_another_secret_costs_no_redis_command(
    shop_with: Callable[..., TestApp], visitor: TestApp, shop_redis: ObservedRedis
) -> None:
    elsewhere = shop_with({"redis.sessions.secret": "another-secret-for-tests-0d1b7c55e3a94f28"})
    elsewhere.post("/cart/items", {"sku": "brass-pen"})
    ((name, value),) = elsewhere.cookies.items()
    shop_redis.commands.clear()

    for path in PAGES:
        visitor.get(path, headers={"Cookie": f"{name}={value}"}, status="*")

    assert shop_redis.commands == []


def test_a_page_for_lookers_says_what_it_depends_on(visitor: TestApp) -> None:
    for path in ("/", "/products/brass-pen", "/cart"):
        response = visitor.get(path)

        assert {"Accept", "Cookie"} <= set(response.vary)
        assert "Pragma" not in response.headers


def test_a_visitor_with_a_cart_costs_three_commands_a_page_at_most(visitor: TestApp, shop_redis: ObservedRedis) -> None:
    """The session, the cart for the frame, and on the cart's own page the cart itself."""
    visitor.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)

    for path, most in (("/", 2), ("/products/brass-pen", 2), ("/cart", 3), ("/healthz", 0), ("/static/shop.css", 0)):
        shop_redis.commands.clear()
        visitor.get(path)
        assert len(shop_redis.commands) <= most, (path, shop_redis.commands)
