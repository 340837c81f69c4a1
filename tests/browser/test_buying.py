"""Whole journeys, with scripts and without: a guest buys on a phone, a visitor signs up and buys, a password is
forgotten.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browsing import (
    add_to_cart,
    badge,
    fill_in_checkout,
    fill_in_login,
    go_back,
    is_ordered,
    log_in,
    order_button,
    sign_in_button,
)
from buying import orders
from shopapp.catalog import demo
from shopapp.testing.shop import Mailbox, link_of

HAND: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
NO_SCRIPTS: dict[str, Any] = {"java_script_enabled": False}
SCRIPTS = {"with scripts": {}, "without scripts": NO_SCRIPTS}

PASSWORD = "kettle tulip bronze"
ANN = "ann@example.com"

NewPage = Callable[..., Page]


def fits_the_hand(page: Page) -> None:
    """Nothing sticks out at the side."""
    page.wait_for_load_state()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= HAND["viewport"]["width"], page.url


@pytest.mark.parametrize("scripts", SCRIPTS)
def test_a_guest_buys_on_a_phone_and_finds_the_order_again(
    new_page: NewPage, mailbox: Mailbox, shop_settings: dict[str, Any], scripts: str
) -> None:
    page = new_page(**HAND, **SCRIPTS[scripts])

    page.goto("/?category=kitchen")
    page.get_by_role("link", name="Stoneware Mug, Moss").tap()
    page.get_by_role("button", name="Add to cart").tap()
    page.get_by_role("link", name="Check out").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Checkout")
    fits_the_hand(page)
    fill_in_checkout(page, email=ANN)
    expect(order_button(page)).to_have_text("Order for €23.40")
    order_button(page).tap()

    number = is_ordered(page)
    fits_the_hand(page)
    expect(badge(page)).to_have_count(0)
    page.reload()
    assert is_ordered(page) == number
    go_back(page, "/c*")
    expect(order_button(page).or_(page.get_by_text("There is nothing in it yet."))).to_be_visible()

    elsewhere = new_page()
    elsewhere.goto(link_of(mailbox.last()))
    assert is_ordered(elsewhere) == number
    expect(elsewhere.get_by_text("1 Harbour Road")).to_be_visible()
    assert orders(shop_settings) == [(number, 2340, "placed")]


@pytest.mark.parametrize(
    ("scripts", "opens_here"), [("with scripts", True), ("without scripts", True), ("with scripts", False)]
)
def test_a_visitor_signs_up_with_a_cart_of_two_tabs_and_buys(
    new_page: NewPage, mailbox: Mailbox, scripts: str, opens_here: bool
) -> None:
    page = new_page(**SCRIPTS[scripts])
    other_tab = page.context.new_page()
    add_to_cart(page, "stoneware-mug")
    add_to_cart(other_tab, "olive-board")
    other_tab.close()

    page.get_by_role("main").get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Name").fill("Ann Lee")
    page.get_by_label("E-mail").fill(ANN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")

    reader = page if opens_here else new_page(**SCRIPTS[scripts])
    reader.goto(link_of(mailbox.last()))
    expect(reader.get_by_role("main")).to_contain_text(ANN)
    reader.get_by_role("button", name="Make the account").click()
    expect(reader.get_by_text("Your account is there, and you are signed in as Ann Lee.")).to_be_visible()
    if not opens_here:
        expect(badge(reader)).to_have_count(0)
        page.goto("/login")
        page.get_by_label("E-mail").fill(ANN)
        page.get_by_label("Password").fill(PASSWORD)
        sign_in_button(page).click()
        expect(page.get_by_role("link", name="Account of Ann Lee")).to_be_visible()
    expect(badge(page)).to_have_text("2")

    page.goto("/checkout")
    expect(page.get_by_label("Name")).to_have_value("Ann Lee")
    fill_in_checkout(page)
    order_button(page).click()
    number = is_ordered(page)
    reader.goto("/account")
    reader.get_by_role("link", name="Your orders").click()
    reader.get_by_role("link", name=number).click()
    assert is_ordered(reader) == number
    expect(reader.get_by_role("main")).to_contain_text("Olive Wood Board")


@pytest.mark.parametrize("scripts", SCRIPTS)
def test_a_forgotten_password_is_replaced_through_the_mail(
    new_page: NewPage, mailbox: Mailbox, complaints: Any, scripts: str
) -> None:
    complaints.expect("status of 404")
    elsewhere = new_page()
    log_in(elsewhere)
    page = new_page(**SCRIPTS[scripts])

    page.goto("/login")
    page.get_by_role("link", name="Forgotten your password?").click()
    page.get_by_label("E-mail").fill(demo.EMAIL)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    link = link_of(mailbox.last())
    page.goto(link)
    page.get_by_role("textbox", name="New password").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()

    expect(page.get_by_role("status")).to_contain_text("Your password is changed")
    elsewhere.goto("/account")
    expect(elsewhere.get_by_role("status")).to_contain_text("You are not signed in any more")
    fill_in_login(page, password=PASSWORD)
    sign_in_button(page).click()
    expect(page.get_by_role("link", name=f"Account of {demo.NAME}")).to_be_visible()
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("This link is not good any more")
