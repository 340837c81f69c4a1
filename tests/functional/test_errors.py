"""When something goes wrong: people read what to do next, programs get a code, and nobody sees the inside."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy import select, text
from webtest import TestApp, TestResponse

import shopapp
from observing import everything_stored, form_to, text_of
from shopapp.catalog import demo
from shopapp.catalog.models import Product
from shopapp.embedded import start_server, stop_server
from shopapp.events import CartItemAdded, UserLoggedIn
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

SECRET_DETAIL = "secret-detail-91c3"
CREDENTIALS = {"email": demo.EMAIL, "password": demo.PASSWORD}


def error_in(response: TestResponse) -> dict[str, Any]:
    assert response.content_type == "application/json"
    assert set(response.json) == {"error"}
    assert set(response.json["error"]) == {"code", "message", "fields"}
    return response.json["error"]


def send_away(shop_redis: ObservedRedis, error: Exception | None = None) -> None:
    """Have every command fail as if Redis could not be reached, or with another error."""

    def fail(_command: str) -> None:
        raise error or redis.ConnectionError("Error 111 connecting to 10.0.0.7:6379")

    shop_redis.before = fail


def bring_back(shop_redis: ObservedRedis) -> None:
    shop_redis.before = lambda _command: None


def assert_unavailable(response: TestResponse) -> None:
    assert response.status_int == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "Set-Cookie" not in response.headers
    assert "10.0.0.7" not in response.text


# What people did not find or may not do


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("GET", "/nope", {}, 404, "not_found"),
        ("GET", "/products/nope", {}, 404, "not_found"),
        ("GET", "/static/nope", {}, 404, "not_found"),
        ("GET", "/?page=abc", {}, 400, "bad_request"),
        ("GET", "/account", {}, 401, "unauthorized"),
        ("POST", "/logout", {"Sec-Fetch-Site": "cross-site"}, 403, "forbidden"),
        ("DELETE", "/cart", {}, 405, "method_not_allowed"),
        ("POST", "/login", {}, 422, "invalid"),
    ],
)
def test_each_error_in_json_has_a_code_and_a_message(
    visitor: TestApp, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    error = error_in(visitor.request(path, method=method, headers={**JSON, **headers}, status=status))

    assert error["code"] == code
    assert error["message"].endswith(".")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/nope", {}, 404),
        ("GET", "/?page=abc", {}, 400),
        ("POST", "/logout", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("DELETE", "/cart", {}, 405),
        ("POST", "/cart/items", {}, 422),
    ],
)
def test_each_error_is_a_page_with_a_way_back(
    visitor: TestApp, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    page = visitor.request(path, method=method, headers=headers, status=status)

    assert page.content_type == "text/html"
    assert str(status) in text_of(page)
    form_to(page, "/")
    assert 'href="/"' in page.text


def test_an_error_page_says_who_is_signed_in_and_shows_the_cart(customer: TestApp) -> None:
    customer.post("/cart/items", {"sku": "stoneware-mug", "quantity": "42"}, headers=JSON)

    page = customer.get("/nope", status=404)

    assert "Demo Customer" in page
    assert ">42<" in page.text


def test_what_was_asked_for_is_not_repeated_as_markup(visitor: TestApp) -> None:
    page = visitor.get("/%3Cscript%3Ealert(1)%3C/script%3E?q=%3Cscript%3E", status=404)

    assert "<script>" not in page.text


# A fault of ours


def test_a_fault_is_a_500_that_shows_nothing_of_the_inside(
    customer: TestApp, shop_redis: ObservedRedis, caplog: pytest.LogCaptureFixture
) -> None:
    send_away(shop_redis, RuntimeError(SECRET_DETAIL))

    page = customer.get("/cart", status=500)
    error = error_in(customer.get("/cart", headers=JSON, status=500))

    assert "This is our fault" in text_of(page)
    assert (error["code"], error["fields"]) == ("internal_error", {})
    for inside in (SECRET_DETAIL, "RuntimeError", "Traceback", "shopapp/"):
        assert inside not in page.text
        assert inside not in error["message"]
    assert SECRET_DETAIL in caplog.text


@pytest.mark.parametrize(("method", "path"), [("POST", "/cart/items"), ("GET", "/nope"), ("GET", "/logout")])
def test_an_error_page_that_fails_itself_is_a_500_page(
    customer: TestApp, shop_redis: ObservedRedis, method: str, path: str
) -> None:
    """Its frame shows who is signed in, and to find that out may fail in its turn."""
    send_away(shop_redis, RuntimeError(SECRET_DETAIL))

    page = customer.request(path, method=method, status=500)

    assert "This is our fault" in text_of(page)
    assert SECRET_DETAIL not in page
    assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_after_a_fault_all_works_again(customer: TestApp, shop_redis: ObservedRedis) -> None:
    send_away(shop_redis, RuntimeError(SECRET_DETAIL))
    customer.get("/cart", status=500)
    customer.post("/cart/items", {"sku": "brass-pen"}, status=500)

    bring_back(shop_redis)

    assert customer.post("/cart/items", {"sku": "brass-pen"}, headers=JSON).json["count"] == 1
    customer.get("/account", headers=JSON, status=200)


def test_a_view_that_fails_shows_nothing_of_the_inside(shop_app: Any, visitor: TestApp) -> None:
    def fail(_request: Request) -> None:
        raise ValueError(SECRET_DETAIL)

    _extend(shop_app, lambda config: (config.add_route("fail", "/fail"), config.add_view(fail, route_name="fail")))

    page = visitor.get("/fail", status=500)
    error = error_in(visitor.get("/fail", headers=JSON, status=500))

    assert "This is our fault" in text_of(page)
    for inside in (SECRET_DETAIL, "ValueError", "Traceback", ".py"):
        assert inside not in page.text
        assert inside not in error["message"]


def test_a_view_that_fails_changes_nothing(
    shop_app: Any, visitor: TestApp, shop_redis: ObservedRedis, shop_settings: dict[str, Any]
) -> None:
    def fail(request: Request) -> None:
        request.session["changed"] = True
        request.session.flash("not to be seen", "info")
        request.dbsession.execute(text("DELETE FROM product"))
        raise ValueError(SECRET_DETAIL)

    _extend(shop_app, lambda config: (config.add_route("fail", "/fail"), config.add_view(fail, route_name="fail")))
    visitor.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)
    before = everything_stored(shop_redis, shop_settings)

    assert "Set-Cookie" not in visitor.get("/fail", status=500).headers
    assert everything_stored(shop_redis, shop_settings) == before
    assert "not to be seen" not in visitor.get("/")


def test_a_change_that_the_database_refuses_at_the_end_is_a_500_page_too(shop_app: Any, visitor: TestApp) -> None:
    """It is found out at the commit, after the view."""

    def fail(request: Request) -> Response:
        product = request.dbsession.scalars(select(Product).where(Product.sku == "brass-pen")).one()
        product.stock = -1
        return Response("done")

    _extend(shop_app, lambda config: (config.add_route("fail", "/fail"), config.add_view(fail, route_name="fail")))

    page = visitor.get("/fail", status=500)

    assert "This is our fault" in text_of(page)
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert visitor.get("/products/brass-pen", headers=JSON).json["available"] == 3


def test_a_login_whose_subscriber_fails_signs_nobody_in(shop_app: Any, visitor: TestApp) -> None:
    def fail(_event: UserLoggedIn) -> None:
        raise RuntimeError(SECRET_DETAIL)

    _extend(shop_app, lambda config: config.add_subscriber(fail, UserLoggedIn))
    response = visitor.post("/login", CREDENTIALS, headers=JSON, status=500)

    assert "Set-Cookie" not in response.headers
    assert SECRET_DETAIL not in response.text
    visitor.get("/account", headers=JSON, status=401)


def _extend(app: Any, extend: Callable[[Configurator], Any]) -> None:
    """Add to a shop that is open already."""
    extend(Configurator(registry=app.registry, autocommit=True))


# Redis away


def test_without_a_cookie_all_but_the_cart_goes_on(visitor: TestApp, shop_redis: ObservedRedis) -> None:
    send_away(shop_redis)

    for path in ("/", "/?q=mug", "/products/brass-pen", "/cart", "/login", "/healthz", "/metrics", "/static/shop.css"):
        page = visitor.get(path, status=200)
        assert "taking a short break" not in page


def test_with_a_cookie_the_catalogue_goes_on_and_says_what_is_missing(
    customer: TestApp, shop_redis: ObservedRedis
) -> None:
    customer.post("/cart/items", {"sku": "stoneware-mug", "quantity": "42"}, headers=JSON)
    send_away(shop_redis)

    for path in ("/", "/?category=garden", "/products/brass-pen"):
        page = customer.get(path, status=200)
        assert "Carts and accounts are taking a short break." in text_of(page)
        assert ">42<" not in page.text
        assert "Demo Customer" not in page
        assert "Set-Cookie" not in page.headers
    assert customer.get("/", headers=JSON).json["total"] == 24
    assert "The page must be a number, such as 2." in customer.get("/?page=abc", status=400)


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("GET", "/cart", {}),
        ("GET", "/account", {}),
        ("GET", "/account/sessions", {}),
        ("POST", "/cart/items", {"sku": "brass-pen"}),
        ("POST", "/cart/items/brass-pen", {"quantity": "1"}),
        ("POST", "/login", CREDENTIALS),
        ("POST", "/logout", {}),
        ("POST", "/account/password", {"current_password": "correct horse battery", "new_password": "another one 1"}),
    ],
)
def test_what_needs_redis_is_503_and_to_be_tried_again(
    customer: TestApp, shop_redis: ObservedRedis, method: str, path: str, fields: dict[str, str]
) -> None:
    send_away(shop_redis)

    in_json = customer.request(path, method=method, POST=fields or None, headers=JSON, status=503)
    page = customer.request(path, method=method, POST=fields or None, status=503)

    assert_unavailable(in_json)
    assert_unavailable(page)
    assert error_in(in_json)["code"] == "unavailable"
    assert "Carts and accounts are not available right now." in error_in(in_json)["message"]
    assert "Carts and accounts are not available right now." in text_of(page)


@pytest.mark.parametrize("path", ["/login", "/cart/items", "/cart/items/brass-pen"])
def test_a_visitor_without_a_cookie_cannot_sign_in_or_fill_a_cart_meanwhile(
    visitor: TestApp, shop_redis: ObservedRedis, path: str
) -> None:
    send_away(shop_redis)

    for headers in ({}, JSON):
        fields = {**CREDENTIALS, "sku": "brass-pen", "quantity": "1"}
        assert_unavailable(visitor.post(path, fields, headers=headers, status=503))


@pytest.mark.parametrize("error", [redis.TimeoutError("slow"), redis.ReadOnlyError("READONLY a replica")])
def test_other_ways_of_being_away_are_503_too(
    customer: TestApp, shop_redis: ObservedRedis, error: redis.RedisError
) -> None:
    send_away(shop_redis, error)

    assert_unavailable(customer.get("/cart", headers=JSON, status=503))


def test_a_failure_at_any_command_is_a_clean_503_and_leaves_the_person_signed_in(
    customer: TestApp, shop_redis: ObservedRedis
) -> None:
    customer.post("/cart/items", {"sku": "brass-pen"})
    shop_redis.commands.clear()
    customer.post("/cart/items", {"sku": "brass-pen"})
    commands = list(shop_redis.commands)

    for number in range(len(commands)):
        left = [number]

        def fail(_command: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise redis.ConnectionError("gone half-way")

        shop_redis.before = fail
        assert_unavailable(customer.post("/cart/items", {"sku": "brass-pen"}, status=503))
        bring_back(shop_redis)
        customer.get("/account", headers=JSON, status=200)


MAYBE = "It may have been done all the same: please look at your cart before you try again."
NOTHING = "Nothing is lost; please try again."


@pytest.mark.parametrize(
    ("path", "fields", "number"),
    [
        (path, fields, number)
        for path, fields in (
            ("/cart/items", {"sku": "brass-pen"}),
            ("/cart/items/stoneware-mug", {"quantity": "3"}),
            ("/cart/items/stoneware-mug", {"quantity": "0"}),
        )
        for number in (0, 1, 2)
        if (number, fields.get("quantity")) != (2, "3")  # a new quantity is no message
    ],
)
def test_a_change_of_the_cart_that_failed_says_whether_it_may_have_been_done(
    customer: TestApp, shop_redis: ObservedRedis, path: str, fields: dict[str, str], number: int
) -> None:
    """The session, the cart, the message: before the cart is sent anything, nothing has been done for certain."""
    for _ in range(2):  # Redis learns the scripts
        customer.post("/cart/items", {"sku": "stoneware-mug"}, status=303)
        customer.post("/cart/items/stoneware-mug", {"quantity": "1"}, status=303)

    for headers in (JSON, {}):
        if number == 2 and headers:
            continue  # JSON gets no message
        fail_from(shop_redis, number)
        answer = customer.post(path, fields, headers=headers, status=503)
        bring_back(shop_redis)
        said = error_in(answer)["message"] if headers else text_of(answer)
        assert (MAYBE in said, NOTHING in said) == (number > 0, number == 0)
        if not headers:
            assert ("data-unsure" in answer, 'href="/cart">Look at your cart</a>' in answer) == (number > 0,) * 2


def fail_from(shop_redis: ObservedRedis, number: int) -> None:
    """Have the command of this number fail, counted from 0, and all that come after it."""
    seen: list[str] = []

    def fail(command: str) -> None:
        seen.append(command)
        if len(seen) > number:
            raise redis.ConnectionError("gone half-way")

    shop_redis.before = fail


def test_a_fault_after_the_cart_was_changed_says_so_too(shop_app: Any, customer: TestApp) -> None:
    def fail(_event: CartItemAdded) -> None:
        raise RuntimeError(SECRET_DETAIL)

    _extend(shop_app, lambda config: config.add_subscriber(fail, CartItemAdded))

    page = customer.post("/cart/items", {"sku": "brass-pen"}, status=500)

    assert MAYBE in text_of(page)
    assert customer.get("/cart", headers=JSON).json["count"] == 1


def test_it_recovers_by_itself(customer: TestApp, shop_redis: ObservedRedis) -> None:
    customer.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)
    send_away(shop_redis)
    customer.get("/cart", status=503)

    bring_back(shop_redis)

    assert customer.get("/cart", headers=JSON).json["count"] == 1
    assert "Demo Customer" in customer.get("/")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Path]:
    """The directory of a Valkey that a test may stop and start."""
    directory = tmp_path / "own-valkey"
    start_server(directory)
    yield directory
    stop_server(directory)


def test_a_server_that_is_really_stopped_is_missed_and_found_again(
    shop_settings: dict[str, Any], server: Path, new_visitor: Callable[[], TestApp]
) -> None:
    stubs = ("redis.sessions.redis_client_callable", "shopapp.testing.redis")
    settings = {name: value for name, value in shop_settings.items() if name not in stubs}
    app = shopapp.main({}, **settings, **{"redis.sessions.redis_url": f"unix://{start_server(server)}"})
    customer, visitor = TestApp(app), TestApp(app)
    log_in(customer)
    customer.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)

    stop_server(server)
    began = time.monotonic()
    assert_unavailable(customer.get("/cart", headers=JSON, status=503))
    assert_unavailable(customer.post("/cart/items", {"sku": "brass-pen"}, status=503))
    assert "taking a short break" in customer.get("/", status=200)
    visitor.get("/", status=200)
    customer.get("/readyz", status=503)
    customer.get("/healthz", status=200)
    assert time.monotonic() - began < 5

    start_server(server)
    assert customer.get("/cart", headers=JSON).json["count"] == 1
    customer.get("/readyz", status=200)
