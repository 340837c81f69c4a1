"""A double click in front of a slow shop: without a script the form comes twice, the second time before the first is
answered; with it the button takes no second click.
"""

import re
import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from browsing import (
    add_to_cart,
    badge,
    fill_in_checkout,
    fill_in_login,
    is_ordered,
    log_in,
    order_button,
    sign_in_button,
)
from buying import orders

PATIENCE_SECONDS = 10

NOTE_EACH_CLICK = """button => addEventListener("click", () => {
  sessionStorage.seen = [button.ariaBusy, document.activeElement === button]
})"""
"""How the button was when it was clicked last. Nothing can be asked of a page while it waits for the next one."""


class SlowShop:
    """The shop, which takes its time once it is told to: the first form waits for the second, which waits its turn."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app
        self._forms = count(1)
        self._is_slow = False
        self.forms = 0
        self._first_came, self._second_came, self._first_done = (threading.Event() for _ in range(3))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        form = next(self._forms) if self._is_slow and environ["REQUEST_METHOD"] == "POST" else 0
        self.forms = max(self.forms, form)
        if form == 1:
            self._first_came.set()
            assert self._second_came.wait(PATIENCE_SECONDS)
        elif form == 2:
            self._second_came.set()
            assert self._first_done.wait(PATIENCE_SECONDS)
        answer = self._app(environ, start_response)
        if form == 1:
            self._first_done.set()
        return answer

    def double_click(self, button: Locator, *, takes_one: bool = False) -> None:
        """Click, and click again while the shop is still at the first: a form that must not come if it takes one."""
        self._is_slow = True
        button.scroll_into_view_if_needed()
        box = button.bounding_box()
        mouse = button.page.mouse
        mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert self._first_came.wait(PATIENCE_SECONDS)
        mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        if takes_one:
            assert not self._second_came.is_set()
            self._second_came.set()
        assert self._first_done.wait(PATIENCE_SECONDS)


@pytest.fixture
def shop_app(shop_app: Callable[..., Any]) -> SlowShop:
    """The shop as the browser meets it here."""
    return SlowShop(shop_app)


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """The page of somebody whose browser runs no scripts."""
    return new_page(java_script_enabled=False)


@pytest.mark.parametrize(
    ("has_cart", "units"),
    [(True, "2"), pytest.param(False, "1", id="each form of a first visit starts a session, and one is kept")],
)
def test_on_add_the_cart_shows_what_was_added(page: Page, shop_app: SlowShop, has_cart: bool, units: str) -> None:
    if has_cart:
        add_to_cart(page, "olive-board")
    page.goto("/products/stoneware-mug")

    shop_app.double_click(page.get_by_role("button", name="Add to cart"))

    expect(page.get_by_label("Quantity of Stoneware Mug, Moss")).to_have_value(units)
    expect(badge(page)).to_have_text(str(int(units) + has_cart))


def test_on_one_more_it_is_one_more(page: Page, shop_app: SlowShop) -> None:
    add_to_cart(page, "stoneware-mug")

    shop_app.double_click(page.get_by_role("button", name="One Stoneware Mug, Moss more"))

    expect(badge(page)).to_have_text("2")
    expect(page.get_by_label("Quantity of Stoneware Mug, Moss")).to_have_value("2")


def test_on_sign_in_the_person_is_signed_in_and_the_cart_is_kept(page: Page, shop_app: SlowShop) -> None:
    add_to_cart(page, "stoneware-mug")
    fill_in_login(page)

    shop_app.double_click(sign_in_button(page))

    expect(page).to_have_url("/")
    expect(page.get_by_role("link", name="Account of Demo Customer")).to_be_visible()
    expect(badge(page)).to_have_text("1")
    assert sorted(cookie["name"] for cookie in page.context.cookies()) == ["device", "session"]


def test_on_sign_out_the_person_is_signed_out(page: Page, shop_app: SlowShop) -> None:
    log_in(page)

    shop_app.double_click(page.get_by_role("button", name="Sign out"))

    expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()
    page.goto("/account")
    expect(page).to_have_url(re.compile(r"/login\?next=%2Faccount"))  # whichever answer the browser took


def test_on_order_it_is_ordered_once(page: Page, shop_app: SlowShop, shop_settings: dict[str, Any]) -> None:
    add_to_cart(page, "stoneware-mug")
    page.goto("/checkout")
    fill_in_checkout(page, email="ann@example.com")

    shop_app.double_click(order_button(page))

    number = is_ordered(page)
    assert orders(shop_settings) == [(number, 2340, "placed")]


# With the shop's script


@pytest.mark.parametrize("name", ["Add to cart", "One Stoneware Mug, Moss more", "Remove Stoneware Mug, Moss"])
def test_a_button_shows_that_it_works_and_takes_no_second_click(
    new_page: Callable[..., Page], shop_app: SlowShop, name: str
) -> None:
    page = new_page()
    add_to_cart(page, "stoneware-mug")
    if name == "Add to cart":
        page.goto("/products/stoneware-mug")

    button = page.get_by_role("button", name=name)
    button.evaluate(NOTE_EACH_CLICK)

    shop_app.double_click(button, takes_one=True)

    page.wait_for_url("**/cart**")
    if name.startswith("Remove"):
        expect(badge(page)).to_have_count(0)
    else:
        expect(badge(page)).to_have_text("2")
    assert shop_app.forms == 1
    assert page.evaluate("sessionStorage.seen") == "true,true"


def test_on_sign_in_one_form_is_sent(new_page: Callable[..., Page], shop_app: SlowShop) -> None:
    page = new_page()
    fill_in_login(page)

    shop_app.double_click(sign_in_button(page), takes_one=True)

    expect(page.get_by_role("link", name="Account of Demo Customer")).to_be_visible()
    assert shop_app.forms == 1
