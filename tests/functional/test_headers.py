"""The headers of every response, and pages that need no exception from them."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
import redis
from webtest import TestApp, TestResponse

from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

SECURITY = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}

REQUESTS = {
    "200 page": ("GET", "/", 200),
    "200 product": ("GET", "/products/brass-pen", 200),
    "200 cart": ("GET", "/cart", 200),
    "200 text": ("GET", "/privacy", 200),
    "200 login": ("GET", "/login", 200),
    "200 health": ("GET", "/healthz", 200),
    "200 metrics": ("GET", "/metrics", 200),
    "200 static": ("GET", "/static/shop.css", 200),
    "200 picture": ("GET", "/static/products/brass-pen.svg", 200),
    "200 HEAD": ("HEAD", "/", 200),
    "303 to sign in": ("GET", "/account", 303),
    "303 after a form": ("POST", "/logout", 303),
    "400 address": ("GET", "/?page=abc", 400),
    "404 page": ("GET", "/nope", 404),
    "404 static": ("GET", "/static/nope.css", 404),
    "405 method": ("DELETE", "/logout", 405),
    "422 form": ("POST", "/login", 422),
}


def assert_secure(response: TestResponse) -> None:
    for name, value in SECURITY.items():
        assert response.headers.getall(name) == [value], name
    assert "Strict-Transport-Security" not in response.headers


@pytest.mark.parametrize("name", REQUESTS)
def test_every_response_has_the_security_headers(visitor: TestApp, name: str) -> None:
    method, path, status = REQUESTS[name]

    assert_secure(visitor.request(path, method=method, status=status))


@pytest.mark.parametrize("path", ["/", "/products/brass-pen", "/cart", "/readyz", "/nope", "/account", "/?page=abc"])
def test_every_answer_in_json_has_them_too(visitor: TestApp, path: str) -> None:
    response = visitor.get(path, headers=JSON, status="*")

    assert response.content_type == "application/json"
    assert_secure(response)


def test_a_file_that_has_not_changed_has_them(visitor: TestApp) -> None:
    first = visitor.get("/static/shop.css")

    again = visitor.get("/static/shop.css", headers={"If-Modified-Since": first.headers["Last-Modified"]}, status=304)

    assert_secure(again)


def test_a_refused_form_of_another_site_has_them(visitor: TestApp) -> None:
    assert_secure(visitor.post("/logout", headers={"Sec-Fetch-Site": "cross-site"}, status=403))


@pytest.mark.parametrize(("error", "status"), [(RuntimeError("a fault"), 500), (redis.ConnectionError("away"), 503)])
def test_a_failure_has_them(customer: TestApp, shop_redis: ObservedRedis, error: Exception, status: int) -> None:
    def fail(_command: str) -> None:
        raise error

    shop_redis.before = fail
    for headers in ({}, JSON):
        assert_secure(customer.get("/cart", headers=headers, status=status))


# What a session has touched


def test_what_a_session_has_touched_is_not_stored_by_any_cache(customer: TestApp) -> None:
    pages = [customer.get(path, status="*") for path in ("/", "/products/brass-pen", "/cart", "/nope", "/login")]
    in_json = [customer.get(path, headers=JSON) for path in ("/cart", "/account")]

    for response in pages + in_json:
        assert response.headers.getall("Cache-Control") == ["no-store"]
        assert {"Accept", "Cookie"} <= set(response.vary)


def test_every_response_that_sets_or_deletes_a_cookie_is_stored_by_no_cache(
    visitor: TestApp, new_visitor: Callable[[], TestApp]
) -> None:
    for headers in ({}, JSON):
        browser = new_visitor()
        for response in (
            browser.post("/cart/items", {"sku": "brass-pen"}, headers=headers),
            log_in(browser),
            browser.post("/logout", headers=headers),
        ):
            assert "Set-Cookie" in response.headers
            assert response.headers["Cache-Control"] == "no-store"
            assert "Cookie" in response.vary


# Production


@pytest.fixture
def production(shop_with: Callable[[dict[str, Any]], TestApp]) -> TestApp:
    """A browser that visits the shop in production, by HTTPS."""
    browser = shop_with(
        {
            "shop.production": "true",
            "redis.sessions.secret": "pD3kq0ZJtY8sWc5vR2xLm7aBn4Hf9GeUo1iKQXyTdVwSgCjE",
            "redis.sessions.redis_url": "redis://localhost:6379/0",
            "redis.sessions.cookie_secure": "true",
            "redis.sessions.cookie_name": "__Host-session",
        }
    )
    browser.extra_environ["wsgi.url_scheme"] = "https"
    return browser


def test_production_asks_browsers_to_stay_on_https(production: TestApp) -> None:
    for path in ("/", "/nope", "/static/shop.css", "/healthz"):
        response = production.get(path, status="*")
        assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
        for name, value in SECURITY.items():
            assert response.headers[name] == value


def test_the_cookie_of_production_is_bound_to_host_and_https(production: TestApp) -> None:
    cookies = log_in(production).headers.getall("Set-Cookie")

    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-session", "__Host-device"}
    for cookie in cookies:
        attributes = {attribute.strip().lower() for attribute in cookie.split(";")[1:]}
        assert attributes >= {"secure", "httponly", "samesite=lax", "path=/"}
        assert not any(attribute.startswith("domain") for attribute in attributes)


# Pages that need no exception from the Content-Security-Policy


class InlineCode(HTMLParser):
    """Notes what the policy would refuse: inline scripts and styles, and handlers in attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.links: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(f"<{tag}>")
        if tag == "link":
            self.links.append(names)
        self.found += [f"{tag} {name}" for name in names if name == "style" or name.startswith("on")]
        self.found += [f"{tag} {name}" for name, value in attrs if value and value.strip().startswith("javascript:")]


def _links(page: TestResponse, rel: str) -> list[str]:
    parser = InlineCode()
    parser.feed(page.text)
    return [link["href"] for link in parser.links if link["rel"] == rel]


def test_no_page_has_inline_code(customer: TestApp, visitor: TestApp, shop_redis: ObservedRedis) -> None:
    for sku in ("stoneware-mug", "oak-clock", "brass-pen"):
        customer.post("/cart/items", {"sku": sku})
    customer.post("/cart/items/oak-clock", {"quantity": "0"})
    pages = [
        customer.get(path, status="*")
        for path in (
            "/",
            "/?page=2",
            "/?q=xyzzy",
            "/products/brass-pen",
            "/products/camp-lantern",
            "/cart",
            "/account",
            "/account/sessions",
            "/nope",
            "/?page=abc",
            "/logout",
        )
    ]
    pages += [
        customer.post("/cart/items", {"sku": "stoneware-mug", "quantity": "x"}, status=422),
        customer.post("/cart/items/brass-pen", {"quantity": "x"}, status=422),
        customer.post("/account/password", {}, status=422),
        customer.post("/logout", headers={"Sec-Fetch-Site": "cross-site"}, status=403),
    ]
    customer.post("/logout")
    pages += [
        customer.get("/"),
        customer.get("/cart"),
        customer.get("/login"),
        customer.post("/login", {}, status=422),
        customer.post("/login", {"email": "a", "password": "b"}, status=401),
    ]

    for page in pages:
        assert page.content_type == "text/html"
        parser = InlineCode()
        parser.feed(page.text)
        assert parser.found == [], page.request.path
        assert parser.links, page.request.path


def test_a_page_about_an_outage_has_no_inline_code(customer: TestApp, shop_redis: ObservedRedis) -> None:
    def fail(_command: str) -> None:
        raise redis.ConnectionError("away")

    shop_redis.before = fail
    for path, status in (("/", 200), ("/products/brass-pen", 200), ("/cart", 503)):
        parser = InlineCode()
        parser.feed(customer.get(path, status=status).text)
        assert parser.found == []


def test_pages_load_nothing_from_elsewhere(customer: TestApp) -> None:
    for path in ("/", "/products/brass-pen", "/cart", "/account", "/login"):
        page = customer.get(path, status=[200, 303])
        assert "http://" not in page.text.replace("http://localhost", "")
        assert "https://" not in page.text
