"""The cart: filling it, changing it, finding it again, and taking it along at login."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
import redis
from webtest import TestApp, TestResponse
from webtest.forms import Field, Submit

from observing import everything_stored, fail_at, form_to, text_of
from shopapp.catalog import demo
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

MUG, PEN, LANTERN = "stoneware-mug", "brass-pen", "camp-lantern"
"""120, 3 and none in stock."""

CREDENTIALS = {"email": demo.EMAIL, "password": demo.PASSWORD}

LINE = {"sku", "name", "quantity", "unit_price", "line_total", "available"}


def add(browser: TestApp, sku: str, quantity: int | str = 1, **options: Any) -> TestResponse:
    return browser.post("/cart/items", {"sku": sku, "quantity": quantity}, headers=JSON, **options)


def set_to(browser: TestApp, sku: str, quantity: int | str, **options: Any) -> TestResponse:
    return browser.post(f"/cart/items/{sku}", {"quantity": quantity}, headers=JSON, **options)


def contents(browser: TestApp) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in browser.get("/cart", headers=JSON).json["lines"]}


def test_a_new_cart_is_empty(visitor: TestApp) -> None:
    assert visitor.get("/cart", headers=JSON).json == {"lines": [], "count": 0, "total": 0, "currency": "EUR"}
    assert "There is nothing in it yet." in text_of(visitor.get("/cart"))


def test_one_unit_is_added_if_no_quantity_is_said(visitor: TestApp) -> None:
    cart = visitor.post("/cart/items", {"sku": MUG}, headers=JSON).json

    assert [(line["sku"], line["quantity"]) for line in cart["lines"]] == [(MUG, 1)]


def test_a_json_body_may_hold_the_quantity_as_a_number(visitor: TestApp) -> None:
    visitor.post_json("/cart/items", {"sku": MUG, "quantity": 2}, headers=JSON)
    visitor.post_json(f"/cart/items/{MUG}", {"quantity": 5}, headers=JSON)

    assert contents(visitor) == {MUG: 5}


def test_adding_adds_up(visitor: TestApp) -> None:
    add(visitor, MUG, 2)
    add(visitor, PEN)
    add(visitor, MUG, 3)

    assert contents(visitor) == {MUG: 5, PEN: 1}


def test_the_answer_to_a_change_is_the_whole_cart(visitor: TestApp) -> None:
    for change, sku, quantity in ((add, MUG, 2), (add, PEN, 1), (set_to, MUG, 4), (set_to, PEN, 0)):
        assert change(visitor, sku, quantity).json == visitor.get("/cart", headers=JSON).json


def test_lines_and_sums_are_in_minor_units(visitor: TestApp) -> None:
    add(visitor, MUG, 2)
    cart = add(visitor, PEN, 3).json

    lines = {line["sku"]: line for line in cart["lines"]}
    assert all(set(line) >= LINE for line in cart["lines"])
    assert (lines[MUG]["unit_price"], lines[MUG]["line_total"], lines[MUG]["available"]) == (1850, 3700, 120)
    assert (lines[PEN]["unit_price"], lines[PEN]["line_total"], lines[PEN]["available"]) == (7800, 23400, 3)
    assert (cart["count"], cart["total"], cart["currency"]) == (5, 27100, "EUR")


def test_the_page_shows_the_same_sums(visitor: TestApp) -> None:
    add(visitor, MUG, 2)
    add(visitor, PEN, 3)

    text = text_of(visitor.get("/cart"))

    for words in ("Stoneware Mug, Moss", "€18.50 each", "€37.00", "Brass Fountain Pen", "€234.00", "€271.00"):
        assert words in text


def test_setting_replaces_the_quantity(visitor: TestApp) -> None:
    add(visitor, MUG, 5)
    set_to(visitor, MUG, 2)

    assert contents(visitor) == {MUG: 2}


def test_setting_adds_what_was_not_there(visitor: TestApp) -> None:
    set_to(visitor, MUG, 2)

    assert contents(visitor) == {MUG: 2}


def test_zero_removes_the_line_and_only_that(visitor: TestApp) -> None:
    add(visitor, MUG, 2)
    add(visitor, PEN)
    set_to(visitor, MUG, 0)

    assert contents(visitor) == {PEN: 1}


def test_removing_what_is_not_there_is_no_error_and_starts_no_session(
    visitor: TestApp, shop_redis: ObservedRedis
) -> None:
    response = set_to(visitor, MUG, 0)

    assert response.json["lines"] == []
    assert "Set-Cookie" not in response.headers
    assert shop_redis.keys() == []


@pytest.mark.parametrize("change", [add, set_to])
def test_an_unknown_product_is_404_and_changes_nothing(
    visitor: TestApp, change: Callable[..., TestResponse], shop_redis: ObservedRedis
) -> None:
    error = change(visitor, "no-such-thing", 1, status=404).json["error"]

    assert error == {"code": "not_found", "message": "There is no such product in this shop.", "fields": {}}
    assert shop_redis.keys() == []


def test_a_line_holds_999_units_at_most(
    visitor: TestApp, shop_redis: ObservedRedis, shop_settings: dict[str, Any], stock: Callable[[str, int], None]
) -> None:
    stock(MUG, 2000)
    add(visitor, MUG, 999)
    before = everything_stored(shop_redis, shop_settings)

    for response in (
        add(visitor, MUG, 1, status=422),
        set_to(visitor, MUG, 1000, status=422),
        add(visitor, PEN, 1000, status=422),
    ):
        assert response.json["error"]["fields"] == {
            "quantity": "You can have at most 999 of one product in your cart.",
        }
    assert everything_stored(shop_redis, shop_settings) == before


def test_a_cart_holds_as_many_lines_as_the_settings_say(
    shop_with: Callable[..., TestApp], shop_redis: ObservedRedis, shop_settings: dict[str, Any]
) -> None:
    visitor = shop_with({"shop.cart_max_lines": "2"})
    add(visitor, MUG)
    add(visitor, PEN)
    before = everything_stored(shop_redis, shop_settings)

    for response in (add(visitor, "oak-clock", 1, status=422), set_to(visitor, "oak-clock", 1, status=422)):
        assert "at most 2 different products" in response.json["error"]["message"]
    assert everything_stored(shop_redis, shop_settings) == before

    add(visitor, MUG)
    set_to(visitor, PEN, 0)
    add(visitor, "oak-clock")
    assert contents(visitor) == {MUG: 2, "oak-clock": 1}


@pytest.mark.parametrize("path", ["/cart/items", f"/cart/items/{MUG}"])
def test_a_change_that_is_refused_starts_no_session(visitor: TestApp, shop_redis: ObservedRedis, path: str) -> None:
    for headers in (JSON, {}):
        response = visitor.post(path, {"sku": MUG, "quantity": 1000}, headers=headers, status=422)
        assert "Set-Cookie" not in response.headers
    assert [key for key in shop_redis.scan_iter() if not key.startswith(b"throttle:")] == []  # tries are counted


def test_a_product_that_is_sold_out_stays_says_so_and_does_not_count(
    visitor: TestApp, stock: Callable[[str, int], None]
) -> None:
    add(visitor, PEN, 2)
    add(visitor, MUG, 2)
    stock(PEN, 0)

    cart = visitor.get("/cart", headers=JSON).json
    line = next(line for line in cart["lines"] if line["sku"] == PEN)

    assert (line["quantity"], line["available"], line["line_total"]) == (2, 0, 0)
    assert (cart["count"], cart["total"]) == (4, 3700)
    assert "Sold out" in text_of(visitor.get("/cart"))


def test_a_line_with_more_than_there_is_says_how_many_are_left_and_counts_those(
    visitor: TestApp, stock: Callable[[str, int], None]
) -> None:
    add(visitor, PEN, 3)
    stock(PEN, 2)

    cart = visitor.get("/cart", headers=JSON).json
    (line,) = cart["lines"]

    assert (line["quantity"], line["available"], line["problem"]) == (3, 2, "Only 2 left.")
    assert (line["line_total"], cart["total"], cart["count"]) == (15600, 15600, 3)
    text = text_of(visitor.get("/cart"))
    for words in ("Only 2 left", "€156.00 for 2", "Can be had now2", "The total counts what can be had now."):
        assert words in text


def test_a_product_that_left_the_catalogue_stays_and_says_so(visitor: TestApp, database: sqlite3.Connection) -> None:
    add(visitor, MUG, 2)
    add(visitor, PEN)
    database.execute("DELETE FROM product WHERE sku = ?", [PEN])

    cart = visitor.get("/cart", headers=JSON).json

    gone = next(line for line in cart["lines"] if line["sku"] == PEN)
    assert (gone["quantity"], gone["available"], gone["line_total"]) == (1, 0, 0)
    assert cart["total"] == 3700
    assert "no longer sold" in text_of(visitor.get("/cart"))


def test_a_product_that_left_the_catalogue_can_be_removed(visitor: TestApp, database: sqlite3.Connection) -> None:
    add(visitor, PEN)
    database.execute("DELETE FROM product WHERE sku = ?", [PEN])

    form_to(visitor.get("/cart"), f"/cart/items/{PEN}").submit("quantity", value="0")

    assert contents(visitor) == {}


def test_the_price_is_that_of_today(visitor: TestApp, database: sqlite3.Connection) -> None:
    add(visitor, MUG, 2)
    database.execute("UPDATE product SET price = 2000 WHERE sku = ?", [MUG])

    assert visitor.get("/cart", headers=JSON).json["total"] == 4000


# Whose cart it is


def test_a_visitor_finds_the_cart_again(visitor: TestApp) -> None:
    add(visitor, MUG, 2)

    visitor.get("/")
    visitor.get("/products/brass-pen")

    assert contents(visitor) == {MUG: 2}


def test_two_visitors_have_two_carts(visitor: TestApp, new_visitor: Callable[[], TestApp]) -> None:
    other = new_visitor()
    add(visitor, MUG, 2)
    add(other, PEN)

    assert contents(visitor) == {MUG: 2}
    assert contents(other) == {PEN: 1}
    assert contents(new_visitor()) == {}


def test_the_cart_is_kept_at_login(visitor: TestApp) -> None:
    add(visitor, MUG, 2)

    log_in(visitor)

    assert contents(visitor) == {MUG: 2}


def test_a_person_finds_their_cart_after_the_next_login(customer: TestApp) -> None:
    add(customer, MUG, 2)

    customer.post("/logout")
    assert contents(customer) == {}

    log_in(customer)
    assert contents(customer) == {MUG: 2}


def test_a_persons_cart_is_the_same_on_all_devices(customer: TestApp, new_visitor: Callable[[], TestApp]) -> None:
    other_device = new_visitor()
    log_in(other_device)

    add(customer, MUG, 2)
    add(other_device, MUG, 1)

    assert contents(customer) == contents(other_device) == {MUG: 3}


def test_whoever_comes_after_a_logout_does_not_see_the_cart(customer: TestApp) -> None:
    add(customer, MUG, 2)
    customer.post("/logout")

    add(customer, PEN)

    assert contents(customer) == {PEN: 1}


def test_at_login_quantities_add_up(customer: TestApp, new_visitor: Callable[[], TestApp]) -> None:
    add(customer, MUG, 2)
    visitor = new_visitor()
    add(visitor, MUG, 3)
    add(visitor, "oak-clock")

    log_in(visitor)

    assert contents(visitor) == contents(customer) == {MUG: 5, "oak-clock": 1}


def test_a_second_login_in_the_same_browser_adds_nothing_again(visitor: TestApp) -> None:
    add(visitor, MUG, 2)
    log_in(visitor)
    log_in(visitor)

    assert contents(visitor) == {MUG: 2}


def test_a_login_that_failed_at_any_command_and_is_tried_again_adds_nothing_twice(
    new_visitor: Callable[[], TestApp], shop_redis: ObservedRedis
) -> None:
    log_in(new_visitor())  # so that the scripts are loaded, and every login sends the same commands
    expected, failed_at = 0, 0
    while True:
        visitor = new_visitor()
        add(visitor, MUG, 2)
        fail_at(shop_redis, failed_at)
        response = visitor.post("/login", CREDENTIALS, headers=JSON, status="*")
        shop_redis.before = lambda _command: None
        if response.status_int == 503:
            log_in(visitor)
        expected += 2
        assert contents(visitor) == {MUG: expected}, f"failed at command {failed_at}"
        if response.status_int == 200:
            break
        failed_at += 1

    assert failed_at >= 4


@pytest.mark.parametrize(
    ("own", "brought", "together"),
    [
        pytest.param({PEN: 2}, {PEN: 2}, {PEN: 3}, id="not more than there is"),
        pytest.param({}, {MUG: 5}, {MUG: 4}, id="not more than there is, in an empty cart"),
        pytest.param({MUG: 5}, {MUG: 1}, {MUG: 5}, id="not fewer than the person had"),
        pytest.param({}, {"oak-clock": 2}, {"oak-clock": 1}, id="a line that is sold out is not dropped"),
        pytest.param({"dotted-notebook": 999}, {"dotted-notebook": 1}, {"dotted-notebook": 999}, id="a full line"),
    ],
)
def test_at_login_the_sum_is_capped_and_the_person_is_told(
    customer: TestApp,
    new_visitor: Callable[[], TestApp],
    own: dict[str, int],
    brought: dict[str, int],
    together: dict[str, int],
    stock: Callable[[str, int], None],
) -> None:
    visitor = new_visitor()
    stock("dotted-notebook", 2000)
    for browser, quantities in ((customer, own), (visitor, brought)):
        for sku, quantity in quantities.items():
            add(browser, sku, quantity)
    stock(MUG, 4)
    stock("oak-clock", 0)

    log_in(visitor)

    assert "the quantity is lower now" in text_of(visitor.get("/"))
    assert contents(visitor) == together


def test_a_product_that_left_the_catalogue_comes_along(visitor: TestApp, database: sqlite3.Connection) -> None:
    add(visitor, PEN, 2)
    database.execute("DELETE FROM product WHERE sku = ?", [PEN])

    log_in(visitor)

    assert contents(visitor) == {PEN: 2}


def test_the_person_is_told_once_what_came_along(visitor: TestApp) -> None:
    add(visitor, MUG)
    add(visitor, PEN)
    log_in(visitor)

    first, second = text_of(visitor.get("/")), text_of(visitor.get("/"))

    assert "2 products from your visit came along into your cart." in first
    assert "lower" not in first
    assert "came along" not in second


def test_a_login_without_a_cart_tells_nothing(customer: TestApp) -> None:
    assert "came along" not in customer.get("/")


# As people do it: forms, pages and messages


def test_adding_from_the_products_page_leads_to_the_cart_and_tells_once(visitor: TestApp) -> None:
    page = visitor.get(f"/products/{MUG}")
    form = next(form for form in page.forms.values() if form.action == "/cart/items")
    form["quantity"] = "2"
    response = form.submit()

    assert (response.status_int, response.location) == (303, "http://localhost/cart")
    assert "Stoneware Mug, Moss is in your cart." in text_of(response.follow())
    assert "is in your cart." not in visitor.get("/cart")
    assert contents(visitor) == {MUG: 2}


def test_adding_from_the_list_adds_one(visitor: TestApp) -> None:
    form_to(visitor.get("/?q=stoneware"), "/cart/items").submit()

    assert contents(visitor) == {MUG: 1}


def test_each_of_two_messages_is_shown_once(visitor: TestApp) -> None:
    for sku in (MUG, PEN):
        visitor.post("/cart/items", {"sku": sku}, status=303)

    first, second = text_of(visitor.get("/")), text_of(visitor.get("/"))

    assert first.count("Stoneware Mug, Moss is in your cart.") == 1
    assert first.count("Brass Fountain Pen is in your cart.") == 1
    assert "is in your cart" not in second


def test_a_message_waits_for_a_page_and_is_not_used_up_by_json(visitor: TestApp) -> None:
    visitor.post("/cart/items", {"sku": MUG}, status=303)

    visitor.get("/cart", headers=JSON)

    assert "is in your cart." in text_of(visitor.get("/"))


def test_setting_and_removing_from_the_carts_page(visitor: TestApp) -> None:
    add(visitor, MUG, 2)

    typed = next(field for field in _quantity_fields(visitor.get("/cart")) if not isinstance(field, Submit))
    typed.value = "7"
    response = typed.form.submit()
    assert (response.status_int, response.location) == (303, f"http://localhost/cart#line-{MUG}")
    assert contents(visitor) == {MUG: 7}

    form_to(visitor.get("/cart"), f"/cart/items/{MUG}").submit("quantity", value="0")
    assert contents(visitor) == {}


def _quantity_fields(page: TestResponse) -> list[Field]:
    return [field for form in page.forms.values() for field in form.fields.get("quantity", [])]


def test_every_page_shows_how_many_units_are_in_the_cart(visitor: TestApp) -> None:
    add(visitor, MUG, 41)
    add(visitor, PEN, 1)

    for path in ("/", f"/products/{MUG}", "/cart", "/login"):
        assert ">42<" in visitor.get(path).text


def test_a_wrong_quantity_is_shown_beside_the_field_on_the_products_page(visitor: TestApp) -> None:
    page = visitor.post("/cart/items", {"sku": MUG, "quantity": "two"}, status=422)

    assert "Please enter a whole number, such as 1 or 2." in text_of(page)
    form = next(form for form in page.forms.values() if form.action == "/cart/items")
    assert (form["sku"].value, form["quantity"].value) == (MUG, "two")
    assert "Stoneware Mug, Moss" in text_of(page)


def test_a_wrong_quantity_is_shown_beside_its_line_in_the_cart(visitor: TestApp) -> None:
    add(visitor, MUG, 2)

    page = visitor.post(f"/cart/items/{MUG}", {"quantity": "two"}, status=422)

    assert "Please enter a whole number, such as 1 or 2." in text_of(page)
    assert contents(visitor) == {MUG: 2}


def test_a_wrong_quantity_of_what_is_not_in_the_cart_is_told_too(visitor: TestApp) -> None:
    for quantity, complaint in (("two", "Please enter a whole number"), ("1000", "You can have at most 999")):
        page = visitor.post(f"/cart/items/{MUG}", {"quantity": quantity}, status=422)
        assert complaint in text_of(page)


def test_a_persons_cart_is_kept_for_ninety_days(visitor: TestApp, shop_redis: ObservedRedis) -> None:
    add(visitor, MUG)
    log_in(visitor)
    (persons,) = (key for key in shop_redis.scan_iter("cart:{user:*}") if not key.endswith(b"merged"))
    assert shop_redis.ttl(persons) == pytest.approx(90 * 24 * 3600, abs=5)


@pytest.mark.parametrize("rubbish", ["text", "list", "field", "half", "loop"])
@pytest.mark.parametrize("signed_in", [False, True])
def test_rubbish_in_place_of_a_cart_is_never_an_error(
    visitor: TestApp, shop_redis: ObservedRedis, rubbish: str, signed_in: bool
) -> None:
    if signed_in:
        log_in(visitor)
    add(visitor, MUG)
    (key,) = shop_redis.scan_iter("cart:*")
    if rubbish in ("text", "list"):
        shop_redis.delete(key)
    {
        "text": lambda: shop_redis.set(key, "x"),
        "list": lambda: shop_redis.rpush(key, "x"),
        "field": lambda: shop_redis.hset(key, b"\xff", "x"),
        "half": lambda: shop_redis.hset(key, PEN, "1.5"),
        "loop": lambda: shop_redis.hset(key, PEN, "-5"),
    }[rubbish]()

    visitor.get("/")
    visitor.get("/cart")
    if not signed_in:
        log_in(visitor)
    assert add(visitor, "oak-clock").json["count"] >= 1


def test_a_login_that_fails_after_the_password_was_right_opens_no_cart_to_the_visitor(
    visitor: TestApp, new_visitor: Callable[[], TestApp], shop_redis: ObservedRedis
) -> None:
    owner = new_visitor()
    log_in(owner)
    add(owner, PEN, 2)
    add(visitor, MUG)
    commands: list[str] = []
    shop_redis.before = commands.append
    log_in(new_visitor())

    for failing in range(len(commands) + 3):
        visitor = new_visitor()
        add(visitor, MUG)
        seen: list[str] = []

        def fail(name: str, seen: list[str] = seen, failing: int = failing) -> None:
            seen.append(name)
            if len(seen) > failing:
                raise redis.exceptions.ConnectionError("away")

        shop_redis.before = fail
        answer = visitor.post("/login", CREDENTIALS, headers=JSON, status="*")
        shop_redis.before = lambda _name: None

        if answer.status_int == 503:
            assert PEN not in contents(visitor)
