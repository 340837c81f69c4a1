"""Nobody can put more into a cart than there is at that moment; what has become short since is not counted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from webtest import TestApp, TestResponse

from observing import cookie_of, everything_stored, form_to, text_of
from shopapp.cart.contents import Cart, Line
from shopapp.cart.ids import CartId
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

MUG, PEN, LANTERN = "stoneware-mug", "brass-pen", "camp-lantern"
"""120, 3 and none in stock."""

Stock = Callable[[str, int], None]


def add(browser: TestApp, sku: str, quantity: int = 1, **options: Any) -> TestResponse:
    return browser.post("/cart/items", {"sku": sku, "quantity": quantity}, headers=JSON, **options)


def set_to(browser: TestApp, sku: str, quantity: int, **options: Any) -> TestResponse:
    return browser.post(f"/cart/items/{sku}", {"quantity": quantity}, headers=JSON, **options)


def contents(browser: TestApp) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in browser.get("/cart", headers=JSON).json["lines"]}


@pytest.mark.parametrize(
    ("held", "change", "sku", "quantity", "available", "message"),
    [
        (0, add, PEN, 4, 3, "We have only 3 of this."),
        (1, add, PEN, 3, 3, "We have only 3 of this, and 1 is in your cart already."),
        (2, add, PEN, 2, 3, "We have only 3 of this, and 2 are in your cart already."),
        (3, add, PEN, 1, 3, "We have only 3 of this, and they are in your cart already."),
        (0, set_to, PEN, 4, 3, "We have only 3 of this."),
        (2, set_to, PEN, 4, 3, "We have only 3 of this."),
        (0, add, LANTERN, 1, 0, "This is sold out at the moment."),
        (0, set_to, LANTERN, 1, 0, "This is sold out at the moment."),
    ],
)
def test_more_than_there_is_is_409_says_how_many_there_are_and_changes_nothing(
    customer: TestApp,
    shop_redis: ObservedRedis,
    shop_settings: dict[str, Any],
    held: int,
    change: Callable[..., TestResponse],
    sku: str,
    quantity: int,
    available: int,
    message: str,
) -> None:
    if held:
        add(customer, sku, held)
    before = everything_stored(shop_redis, shop_settings)

    response = change(customer, sku, quantity, status=409)

    fields = {"quantity": message}
    assert response.json == {
        "error": {"code": "short", "message": message, "fields": fields, "available": available},
    }
    assert everything_stored(shop_redis, shop_settings) == before


def test_a_refusal_starts_no_session_and_no_cart(visitor: TestApp, shop_redis: ObservedRedis) -> None:
    for headers in (JSON, {}):
        for path, fields in (("/cart/items", {"sku": PEN, "quantity": 4}), (f"/cart/items/{PEN}", {"quantity": 4})):
            response = visitor.post(path, fields, headers=headers, status=409)
            assert "Set-Cookie" not in response.headers
    assert shop_redis.keys("session:*") + shop_redis.keys("cart:*") == []


def test_all_that_there_is_can_be_had(visitor: TestApp) -> None:
    add(visitor, PEN, 2)
    add(visitor, PEN, 1)
    set_to(visitor, PEN, 3)

    assert contents(visitor) == {PEN: 3}


def test_a_line_that_has_become_short_may_be_lowered_but_not_raised(visitor: TestApp, stock: Stock) -> None:
    stock(PEN, 9)
    add(visitor, PEN, 9)
    stock(PEN, 3)

    set_to(visitor, PEN, 9)
    set_to(visitor, PEN, 7)
    assert set_to(visitor, PEN, 8, status=409).json["error"]["available"] == 3
    add(visitor, PEN, 1, status=409)
    assert contents(visitor) == {PEN: 7}
    set_to(visitor, PEN, 3)
    set_to(visitor, PEN, 0)
    assert contents(visitor) == {}


def test_of_what_left_the_catalogue_there_may_be_less_but_not_more(visitor: TestApp, database: Any) -> None:
    add(visitor, PEN, 2)
    database.execute("DELETE FROM product WHERE sku = ?", [PEN])

    assert set_to(visitor, PEN, 3, status=409).json["error"]["available"] == 0
    assert set_to(visitor, PEN, 1).json["count"] == 1


@pytest.mark.parametrize("signed_in", [False, True])
def test_fifty_adds_at_once_put_no_more_into_a_cart_than_there_are(
    visitor: TestApp, new_visitor: Callable[[], TestApp], stock: Stock, signed_in: bool
) -> None:
    stock(PEN, 10)
    if signed_in:
        log_in(visitor)
    add(visitor, MUG)
    cookie = cookie_of(visitor)

    def add_one(_number: int) -> int:
        fields = {"sku": PEN, "quantity": 1}
        return new_visitor().post("/cart/items", fields, headers={**JSON, **cookie}, status="*").status_int

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(add_one, range(50)))

    assert sorted(answers) == [200] * 10 + [409] * 40
    assert contents(visitor) == {PEN: 10, MUG: 1}


def test_a_visitor_whose_cart_has_moved_is_not_told_what_is_in_the_persons(
    visitor: TestApp, new_visitor: Callable[[], TestApp], shop_redis: ObservedRedis
) -> None:
    """A request on its way while somebody signs in puts into their cart, and sees nothing of it."""
    owner = new_visitor()
    log_in(owner)
    add(owner, PEN, 3)
    add(visitor, MUG)
    commands: list[str] = []

    def move_first(name: str) -> None:
        commands.append(name)
        if len(commands) == 2:  # the visitor's session has been read
            shop_redis.before = lambda _name: None
            (key,) = (key for key in shop_redis.keys("cart:{visitor:*}"))
            shop_redis.hset(key, ":moved", CartId.of_user(1).key)

    shop_redis.before = move_first
    answer = add(visitor, PEN, status=409)

    assert answer.json["error"]["message"] == "We have only 3 of this."
    assert contents(owner) == {PEN: 3}


# On the pages


def test_the_products_page_says_it_beside_the_field(visitor: TestApp) -> None:
    page = visitor.post("/cart/items", {"sku": PEN, "quantity": "4"}, status=409)

    form = form_to(page, "/cart/items")
    assert "We have only 3 of this." in text_of(page)
    assert 'aria-invalid="true"' in page
    assert "Brass Fountain Pen" in text_of(page)
    assert form.action == "/cart/items"


def test_a_product_that_sold_out_meanwhile_says_that_nothing_was_added(visitor: TestApp) -> None:
    page = visitor.post("/cart/items", {"sku": LANTERN}, status=409)

    assert "This is sold out at the moment. Nothing was added." in text_of(page)


def test_the_cart_says_it_beside_the_line(visitor: TestApp) -> None:
    add(visitor, PEN, 2)

    page = visitor.post(f"/cart/items/{PEN}", {"quantity": "9"}, status=409)

    assert "We have only 3 of this." in text_of(page)
    assert contents(visitor) == {PEN: 2}


def test_the_cart_leads_to_the_checkout(visitor: TestApp) -> None:
    add(visitor, PEN, 2)

    assert 'href="/checkout">Check out</a>' in visitor.get("/cart")


def test_a_cart_of_which_nothing_can_be_had_says_why_it_leads_nowhere(visitor: TestApp, stock: Stock) -> None:
    add(visitor, PEN, 2)
    stock(PEN, 0)

    page = visitor.get("/cart")

    assert "Nothing in your cart can be had at the moment." in text_of(page)
    assert "/checkout" not in page


# What the checkout asks of a cart


def line(quantity: int, available: int, *, picture: str = "x.svg") -> Line:
    return Line("sku", "Name", quantity, 250, available, picture, "/products/sku")


@pytest.mark.parametrize(
    ("lines", "count", "obtainable", "total", "problems", "ready"),
    [
        ([], 0, 0, 0, 0, False),
        ([line(2, 2)], 2, 2, 500, 0, True),
        ([line(3, 2)], 3, 2, 500, 1, False),
        ([line(2, 9), line(1, 0)], 3, 2, 500, 1, False),
        ([line(2, 0, picture="")], 2, 0, 0, 1, False),
    ],
)
def test_a_cart_knows_what_of_it_can_be_had(
    lines: list[Line], count: int, obtainable: int, total: int, problems: int, ready: bool
) -> None:
    cart = Cart(lines, "EUR")

    assert (cart.count, cart.obtainable, cart.total) == (count, obtainable, total)
    assert (len(cart.problems), cart.ready) == (problems, ready)
