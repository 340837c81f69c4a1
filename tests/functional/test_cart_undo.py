"""What a form changes is seen where it was pressed: the page comes back to the line, and Remove offers to undo."""

import sqlite3
from collections.abc import Callable

import pytest
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from webtest import TestApp, TestResponse

from observing import form_to, text_of
from shopapp.cart.offers import REMOVED
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

MUG, PEN = "stoneware-mug", "brass-pen"

Stock = Callable[[str, int], None]


def add(browser: TestApp, sku: str, quantity: int = 1) -> None:
    browser.post("/cart/items", {"sku": sku, "quantity": quantity}, headers=JSON)


def press_remove(browser: TestApp, sku: str) -> TestResponse:
    return browser.post(f"/cart/items/{sku}", {"quantity": "0"}, status=303)


def contents(browser: TestApp) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in browser.get("/cart", headers=JSON).json["lines"]}


@pytest.mark.parametrize("quantity", [0, 1, 3])
def test_a_change_comes_back_to_the_line(visitor: TestApp, quantity: int) -> None:
    add(visitor, PEN, 2)
    add(visitor, MUG)

    answer = visitor.post(f"/cart/items/{PEN}", {"quantity": quantity}, status=303)

    assert answer.location == f"http://localhost/cart#line-{PEN}"
    assert answer.follow().text.count(f'id="line-{PEN}"') == 1


def test_what_was_removed_keeps_its_place_and_can_be_put_back(visitor: TestApp) -> None:
    for sku in ("oak-clock", MUG):
        add(visitor, sku)
    add(visitor, PEN, 2)

    page = press_remove(visitor, PEN).follow()
    places = [page.text.index(f'id="line-{sku}"') for sku in (PEN, "oak-clock", MUG)]
    assert places == sorted(places)  # Brass Fountain Pen, Oak Wall Clock, Stoneware Mug
    assert "Brass Fountain Pen was removed. Undo" in text_of(page)

    back = form_to(page, f"/cart/items/{PEN}").submit("quantity")
    assert back.location == f"http://localhost/cart#line-{PEN}"
    assert contents(visitor) == {PEN: 2, "oak-clock": 1, MUG: 1}
    assert "was removed" not in back.follow()


def test_the_last_line_can_be_put_back_too(visitor: TestApp) -> None:
    add(visitor, MUG, 7)

    page = press_remove(visitor, MUG).follow()
    assert "There is nothing in it yet." in text_of(page)
    form_to(page, f"/cart/items/{MUG}").submit("quantity")

    assert contents(visitor) == {MUG: 7}


def test_it_is_offered_once_and_on_whichever_page_comes_next(visitor: TestApp) -> None:
    add(visitor, MUG, 2)
    press_remove(visitor, MUG)
    visitor.get("/cart", headers=JSON)
    visitor.head("/cart")

    page = visitor.get("/")
    assert "Stoneware Mug, Moss was removed. Undo" in text_of(page)
    assert "was removed" not in visitor.get("/cart")

    forms = [form for form in page.forms.values() if form.action == f"/cart/items/{MUG}"]
    forms[0].submit("quantity")
    assert contents(visitor) == {MUG: 2}


def test_a_program_that_removes_leaves_no_message(visitor: TestApp) -> None:
    add(visitor, MUG)
    visitor.post(f"/cart/items/{MUG}", {"quantity": "0"}, headers=JSON)

    assert "was removed" not in visitor.get("/cart")


def test_removing_what_is_not_there_offers_nothing(visitor: TestApp) -> None:
    add(visitor, MUG)
    press_remove(visitor, PEN)

    assert "was removed" not in visitor.get("/cart")


def test_what_was_put_in_again_elsewhere_is_shown_once(visitor: TestApp) -> None:
    add(visitor, MUG, 2)
    press_remove(visitor, MUG)
    add(visitor, MUG)

    page = visitor.get("/cart")

    assert page.text.count(f'id="line-{MUG}"') == 1
    assert "was removed" not in page


def test_only_what_is_left_is_offered_back(visitor: TestApp, stock: Stock) -> None:
    add(visitor, PEN, 3)
    press_remove(visitor, PEN)
    stock(PEN, 2)

    page = visitor.get("/cart")
    assert "Brass Fountain Pen was removed. Only 2 of 3 are left. Put 2 back" in text_of(page)
    form_to(page, f"/cart/items/{PEN}").submit("quantity")

    assert contents(visitor) == {PEN: 2}


def test_what_is_sold_out_or_gone_is_not_offered_back(
    visitor: TestApp, stock: Stock, database: sqlite3.Connection
) -> None:
    for change in (lambda: stock(PEN, 0), lambda: database.execute("DELETE FROM product WHERE sku = ?", [PEN])):
        stock(PEN, 3)
        add(visitor, PEN, 3)
        press_remove(visitor, PEN)
        change()
        page = visitor.get("/cart")
        assert "was removed. There are none left." in text_of(page)
        assert f'action="/cart/items/{PEN}"' not in page


def test_an_undo_of_what_is_short_meanwhile_is_told_kindly(visitor: TestApp, stock: Stock) -> None:
    add(visitor, PEN, 3)
    add(visitor, MUG)
    undo = form_to(press_remove(visitor, PEN).follow(), f"/cart/items/{PEN}")

    stock(PEN, 2)
    page = undo.submit("quantity", status=409)
    assert "We have only 2 of Brass Fountain Pen now, so nothing was put into your cart. Put 2 in" in text_of(page)
    assert contents(visitor) == {MUG: 1}

    form_to(page, f"/cart/items/{PEN}").submit("quantity", status=303)
    assert contents(visitor) == {PEN: 2, MUG: 1}


def test_an_undo_of_what_is_sold_out_meanwhile_is_told_kindly(visitor: TestApp, stock: Stock) -> None:
    add(visitor, PEN, 3)
    undo = form_to(press_remove(visitor, PEN).follow(), f"/cart/items/{PEN}")
    stock(PEN, 0)

    page = undo.submit("quantity", status=409)

    assert "Brass Fountain Pen is sold out at the moment, so it is not in your cart." in text_of(page)
    assert f'action="/cart/items/{PEN}"' not in page


def test_a_name_with_markup_in_it_stays_text(visitor: TestApp, database: sqlite3.Connection) -> None:
    database.execute("UPDATE product SET name = ? WHERE sku = ?", ['<b>"Pen"</b>', PEN])
    add(visitor, PEN)
    press_remove(visitor, PEN)

    page = visitor.get("/cart")

    assert "<b>" not in page
    assert '<b>"Pen"</b> was removed.' in text_of(page)


@pytest.mark.parametrize(
    "note", ["2 ../logout", "0 brass-pen", "-1 brass-pen", "x", "", 7, None, ["2 brass-pen"], "2 a\n"]
)
def test_a_note_that_is_none_of_ours_is_passed_over(visitor: TestApp, shop_app: object, note: object) -> None:
    def leave(request: Request) -> Response:
        request.session.flash(note, REMOVED)
        return Response("")

    config = Configurator(registry=shop_app.registry, autocommit=True)
    config.add_route("leave", "/leave")
    config.add_view(leave, route_name="leave")
    visitor.get("/leave")

    assert "was removed" not in visitor.get("/")


def test_an_undo_costs_no_more_than_a_message(visitor: TestApp, shop_redis: ObservedRedis) -> None:
    log_in(visitor)
    add(visitor, MUG)
    press_remove(visitor, MUG)
    visitor.get("/cart")
    add(visitor, MUG)

    shop_redis.commands.clear()
    press_remove(visitor, MUG)
    assert len(shop_redis.commands) == 3  # the session, the cart, the message into the session
    shop_redis.commands.clear()
    visitor.get("/cart")
    assert len(shop_redis.commands) == 2


# Addresses that a form has left behind


@pytest.mark.parametrize("headers", [{}, JSON])
@pytest.mark.parametrize("path", ["/cart/items", f"/cart/items/{MUG}", "/cart/items/no-such-thing"])
def test_an_address_left_behind_by_a_form_leads_to_the_cart(
    visitor: TestApp, shop_redis: ObservedRedis, path: str, headers: dict[str, str]
) -> None:
    for method in ("GET", "HEAD"):
        answer = visitor.request(path, method=method, headers=headers, status=303)
        assert answer.location == "http://localhost/cart"
        assert "Set-Cookie" not in answer.headers
    assert shop_redis.commands == []
