"""Forms that another site sends in somebody's name are refused, and change nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from webtest import TestApp

from buying import WHERE, look
from buying import sent as sent_form
from observing import everything_stored, text_of
from shopapp.catalog import demo
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

NO_TOKEN = {"token": "x" * 43}
"""That of no link: what a form with it passes is the check of where it comes from."""

POSTS = {
    "cart_items": ("/cart/items", {"sku": "brass-pen"}),
    "cart_item": ("/cart/items/stoneware-mug", {"quantity": "0"}),
    "checkout": ("/checkout", WHERE),
    "login": ("/login", {"email": demo.EMAIL, "password": demo.PASSWORD}),
    "end_session": ("/account/sessions/{handle}/end", {}),
    "end_other_sessions": ("/account/sessions/end-others", {}),
    "password": ("/account/password", {"current_password": demo.PASSWORD, "new_password": "battery horse correct"}),
    "register": ("/register", {"email": "ann@example.com", "name": "Ann", "password": "kettle tulip bronze"}),
    "forgotten": ("/password/forgotten", {"email": demo.EMAIL}),
    "change_email": ("/account/email", {"email": "ann@example.com", "current_password": "battery horse correct"}),
    "confirm_registration": ("/register/confirm", NO_TOKEN),
    "reset": ("/password/reset", {**NO_TOKEN, "new_password": "battery horse correct"}),
    "confirm_email": ("/account/email/confirm", NO_TOKEN),
    "logout": ("/logout", {}),
}
"""Every route that takes a POST: its address, and fields that change something. In this order each can follow the last.
``{handle}`` is that of the person's session on another device."""

OWN = "http://localhost"
FOREIGN = {
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "same-site": {"Sec-Fetch-Site": "same-site"},
    "unknown to us": {"Sec-Fetch-Site": "some-new-value"},
    "empty": {"Sec-Fetch-Site": ""},
    "in capitals": {"Sec-Fetch-Site": "SAME-ORIGIN"},
    "cross-site with our origin": {"Sec-Fetch-Site": "cross-site", "Origin": OWN},
    "cross-site with Origin null": {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    "another origin": {"Origin": "https://evil.example"},
    "Origin null": {"Origin": "null"},
    "an empty Origin": {"Origin": ""},
    "our host on another port": {"Origin": "http://localhost:8000"},
    "our host with another scheme": {"Origin": "https://localhost"},
    "our host as a prefix": {"Origin": "http://localhost.evil.example"},
}
OURS = {
    "same-origin": {"Sec-Fetch-Site": "same-origin"},
    "none": {"Sec-Fetch-Site": "none"},
    "same-origin of a proxy that changes the host": {"Sec-Fetch-Site": "same-origin", "Origin": "https://shop.example"},
    "our Origin": {"Origin": OWN},
    "neither": {},
}


@pytest.fixture
def shopper(customer: TestApp, new_visitor: Callable[[], TestApp]) -> TestApp:
    """A person with something in the cart, signed in on another device too."""
    customer.post("/cart/items", {"sku": "stoneware-mug"}, headers=JSON)
    log_in(new_visitor())
    return customer


def address(route: str, shopper: TestApp) -> str:
    sessions = shopper.get("/account/sessions", headers=JSON).json["sessions"]
    return POSTS[route][0].format(handle=next(each["handle"] for each in sessions if not each["current"]))


def fields_for(route: str, shopper: TestApp) -> dict[str, Any]:
    """What the form holds: that of the checkout, what its page of now has put into it."""
    fields: dict[str, Any] = POSTS[route][1]
    return sent_form(look(shopper), **fields) if route == "checkout" else fields


def test_every_route_that_takes_a_post_is_tested_here(shop_app: Any) -> None:
    views = (each["introspectable"] for each in shop_app.registry.introspector.get_category("views"))

    assert {view["route_name"] for view in views if view["request_methods"] == "POST"} == set(POSTS)


@pytest.mark.parametrize("sent", FOREIGN)
def test_a_form_of_another_site_is_403_and_changes_nothing(
    shopper: TestApp, shop_redis: ObservedRedis, shop_settings: dict[str, Any], sent: str
) -> None:
    paths = {route: address(route, shopper) for route in POSTS}
    before = everything_stored(shop_redis, shop_settings)

    for route in POSTS:
        fields = fields_for(route, shopper)
        shop_redis.commands.clear()
        in_json = shopper.post(paths[route], fields, headers={**JSON, **FOREIGN[sent]}, status=403)
        assert shop_redis.commands == []  # it is refused before its session is read
        page = shopper.post(paths[route], fields, headers=FOREIGN[sent], status=403)

        message = "This form was sent from another site, so nothing was done."
        assert in_json.json == {"error": {"code": "forbidden", "message": message, "fields": {}}}
        assert message in text_of(page)
        assert "Set-Cookie" not in in_json.headers
        assert everything_stored(shop_redis, shop_settings) == before, route


@pytest.mark.parametrize("sent", OURS)
def test_our_own_forms_pass(shopper: TestApp, sent: str) -> None:
    paths = {route: address(route, shopper) for route in POSTS}

    for route in POSTS:
        fields = fields_for(route, shopper)
        status = [404] if "token" in fields else [200, 201, 202, 204]
        shopper.post(paths[route], fields, headers={**JSON, **OURS[sent]}, status=status)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "post", "ANYTHING"])
def test_every_method_but_the_safe_ones_is_refused_everywhere(shop_app: Any, method: str) -> None:
    browser = TestApp(shop_app, lint=False)  # lint knows the usual methods only

    for path in ("/", "/nope", "/cart", "/static/shop.css", "/%ff"):
        browser.request(path, method=method, headers=FOREIGN["cross-site"], status=403)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_from_another_site_works(shopper: TestApp, method: str) -> None:
    for headers in FOREIGN.values():
        for path in ("/", "/cart", "/account", "/healthz"):
            shopper.request(path, method=method, headers=headers, status=200)


def test_a_trusted_origin_may_send_forms(shop_with: Callable[..., TestApp]) -> None:
    shop = shop_with({"shop.trusted_origins": "https://campaign.example https://other.example"})

    for origin, status in (
        ("https://campaign.example", 200),
        ("https://other.example", 200),
        ("https://evil.example", 403),
        ("http://campaign.example", 403),
        ("https://campaign.example.evil.example", 403),
        ("null", 403),
    ):
        headers = {**JSON, "Sec-Fetch-Site": "cross-site", "Origin": origin}
        shop.post("/cart/items", {"sku": "brass-pen"}, headers=headers, status=status)
    shop.post("/cart/items", {"sku": "brass-pen"}, headers={"Sec-Fetch-Site": "cross-site"}, status=403)
