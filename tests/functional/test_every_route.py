"""Every route by every method, for visitors and persons, as HTML and JSON: what headers and cookies each answer has."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyramid.interfaces import IRoutesMapper
from webtest import TestApp, TestResponse

from shopapp.testing.shop import JSON, log_in

METHODS = ("GET", "HEAD", "POST", "DELETE")

PLACES = {"sku": ("brass-pen", "nope"), "number": ("123-456-7890",), "handle": ("0" * 32,), "name": ("nope.eml",)}
"""What stands in addresses: something that is there, if that can be known, and something that is not."""

STATIC = ("shop.css", "products/brass-pen.svg", "nope.css")

ODD = ("/nope", "/?page=abc", "/cart?x=%ff", "/?q=" + "x" * 500, "/login?next=//evil.example")
"""Addresses of no route, and of routes that refuse them."""

ALWAYS = {
    "Content-Security-Policy": {
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    },
    "X-Content-Type-Options": {"nosniff"},
    "X-Frame-Options": {"DENY"},
    "Referrer-Policy": {"same-origin", "strict-origin", "no-referrer"},  # the latter two: an address may have a key
    "Cross-Origin-Opener-Policy": {"same-origin"},
    "Cross-Origin-Resource-Policy": {"same-origin"},
    "Permissions-Policy": {"camera=(), geolocation=(), microphone=(), payment=()"},
}

PRODUCTION = {
    "shop.production": "true",
    "redis.sessions.secret": "pD3kq0ZJtY8sWc5vR2xLm7aBn4Hf9GeUo1iKQXyTdVwSgCjE",
    "redis.sessions.redis_url": "redis://localhost:6379/0",
    "redis.sessions.cookie_secure": "true",
    "redis.sessions.cookie_name": "__Host-session",
}

COOKIES = {"session", "device"}
"""All that the shop ever sets."""


def addresses(app: Any) -> Iterator[str]:
    """All addresses that there are, by the app's own table of routes, and some that there are not."""
    for route in app.registry.getUtility(IRoutesMapper).get_routes(include_static=True):
        if "*subpath" in route.pattern:
            yield from (route.generate({"subpath": name.split("/")}) for name in STATIC)
            continue
        names = re.findall(r"\{([a-z_]+)[:}]", route.pattern)
        for values in zip(*(PLACES[name] for name in names), strict=True) if names else [()]:
            yield route.generate(dict(zip(names, values, strict=True)))
    yield from ODD


def shop_on(make: Callable[[dict[str, Any]], TestApp], production: bool) -> TestApp:
    browser = make(PRODUCTION if production else {})
    if production:
        browser.extra_environ["wsgi.url_scheme"] = "https"
    return browser


def assert_has_its_headers(answer: TestResponse, production: bool) -> None:
    for name, values in ALWAYS.items():
        assert len(answer.headers.getall(name)) == 1, name
        assert answer.headers[name] in values, name
    assert answer.headers.getall("Strict-Transport-Security") == (["max-age=31536000"] if production else [])
    assert len(answer.headers.getall("Cache-Control")) == 1
    if answer.content_type in ("text/html", "application/json"):
        assert {"Accept", "Cookie"} <= set(answer.vary or ())


def assert_its_cookies_are_safe(answer: TestResponse, production: bool) -> None:
    prefix = "__Host-" if production else ""
    for cookie in answer.headers.getall("Set-Cookie"):
        name, *attributes = [part.strip() for part in cookie.split(";")]
        assert name.partition("=")[0] in {prefix + each for each in COOKIES}
        words = {attribute.lower() for attribute in attributes}
        assert {"httponly", "samesite=lax", "path=/"} <= words
        assert ("secure" in words) is production
        assert not any(word.startswith("domain") for word in words)
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("who", ["visitor", "person"])
@pytest.mark.parametrize("production", [False, True], ids=["development", "production"])
def test_no_answer_leaves_without_its_headers_nor_with_an_unsafe_cookie(
    shop_with: Callable[[dict[str, Any]], TestApp], who: str, production: bool
) -> None:
    browser, seen = shop_on(shop_with, production), set()

    for method in METHODS:
        for address in addresses(browser.app):
            for headers in ({}, JSON):
                if who == "visitor":
                    browser.reset()
                elif not any(name.endswith("session") for name in browser.cookies):
                    assert_its_cookies_are_safe(log_in(browser), production)
                answer = browser.request(address, method=method, headers=headers, status="*")
                where = f"{method} {address} {headers}: {answer.status}"
                try:
                    assert answer.status_int < 500
                    assert_has_its_headers(answer, production)
                    assert_its_cookies_are_safe(answer, production)
                except AssertionError as error:
                    raise AssertionError(where) from error
                seen.add(answer.status_int)

    assert seen >= {200, 303, 400, 404, 405, 422} | ({401} if who == "visitor" else {204})


def test_a_failure_has_them_too(shop_with: Callable[[dict[str, Any]], TestApp]) -> None:
    browser = shop_on(shop_with, production=True)
    browser.app.registry["shopapp.sessionmaker"].kw["bind"].dispose()
    browser.app.registry["shopapp.sessionmaker"] = None  # a fault of ours
    for headers in ({}, JSON):
        answer = browser.get("/orders/123-456-7890", headers=headers, status=500)
        assert_has_its_headers(answer, production=True)


@pytest.mark.parametrize("headers", [{}, JSON], ids=["html", "json"])
def test_logout_has_the_browser_forget_what_scripts_have_noted_and_keep_the_devices_cookie(
    customer: TestApp, headers: dict[str, str]
) -> None:
    answer = customer.post("/logout", headers=headers)

    assert answer.headers["Clear-Site-Data"] == '"storage"'
    (deleted,) = answer.headers.getall("Set-Cookie")
    assert deleted.startswith("session=;")
    assert "device" in customer.cookies
