"""Buying, signing up and a forgotten password by keyboard alone: what is pressed is in focus, and is seen to be."""

from itertools import islice
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from browsing import IS_SEEN, add_to_cart, go_by_tab, is_ordered, order_button, sign_in_button, tab_stops
from shopapp.catalog import demo
from shopapp.testing.shop import Mailbox, link_of

PASSWORD = "kettle tulip bronze"
ANN = "ann@example.com"

OF_THE_CHECKOUT = [
    "E-mail",
    "Sign in",
    "Name",
    "Street and number",
    "Postcode",
    "City",
    "Country",
    "Order for €23.40",
    "terms",
    "things go back",
    "what becomes of your data",
    "Back to your cart",
]

NAME_OF = "element => (element.labels?.[0] || element).innerText.trim()"


def press(page: Page, wanted: Locator) -> None:
    """Go to a button or link, and press it."""
    go_by_tab(page, wanted)
    page.keyboard.press("Enter")


def type_into(page: Page, **fields: str) -> None:
    """Go from field to field and type: into one that is in focus already at once."""
    for label, text in fields.items():
        field = page.get_by_role("main").locator(f"[name={label}]")
        if not field.evaluate("field => field === document.activeElement"):
            go_by_tab(page, field)
        page.keyboard.type(text)


@pytest.fixture
def at_the_checkout(page: Page) -> Page:
    """A page of somebody who has come to the checkout, past the frame of the page."""
    add_to_cart(page, "stoneware-mug")
    press(page, page.get_by_role("link", name="Check out"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Checkout")
    press(page, page.get_by_role("link", name="Skip to the content"))
    return page


def test_the_checkout_is_gone_through_in_the_order_of_the_page(at_the_checkout: Page) -> None:
    stops = list(islice(_names(at_the_checkout), len(OF_THE_CHECKOUT)))

    assert stops == OF_THE_CHECKOUT


def _names(page: Page) -> Any:
    for stop in tab_stops(page):
        assert stop.evaluate(IS_SEEN), stop.evaluate("element => element.outerHTML")
        yield stop.evaluate(NAME_OF)


def test_an_order_is_typed_and_what_is_wrong_is_reached(at_the_checkout: Page, complaints: Any) -> None:
    complaints.expect("status of 422")
    page = at_the_checkout
    email, street = page.get_by_label("E-mail"), page.get_by_label("Street and number")
    type_into(page, email="ann@nowhere", name="Ann Lee")
    page.keyboard.press("Enter")  # neither orders nor leads away

    type_into(page, postcode="D02 XY45", city="Dublin")
    press(page, order_button(page))
    expect(street).to_be_focused()  # the browser misses it
    page.keyboard.type("1 Harbour Road")
    press(page, order_button(page))

    expect(email).to_have_accessible_description(
        "The confirmation goes there. No account is needed. "
        "Please enter a whole e-mail address, such as name@example.com."
    )
    expect(email).to_be_focused()
    expect(street).to_have_value("1 Harbour Road")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(ANN)
    press(page, order_button(page))
    is_ordered(page)


def test_an_account_is_made_and_a_weak_password_is_reached(page: Page, mailbox: Mailbox, complaints: Any) -> None:
    complaints.expect("status of 422")
    page.goto("/register")
    type_into(page, name="Ann Lee", email=ANN, password="password")
    page.keyboard.press("Enter")

    password = page.get_by_label("Password")
    expect(password).to_have_attribute("aria-invalid", "true")
    expect(password).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    page.goto(link_of(mailbox.last()))
    press(page, page.get_by_role("button", name="Make the account"))

    expect(page.get_by_role("link", name="Account of Ann Lee")).to_be_visible()


def test_a_forgotten_password_is_replaced(page: Page, mailbox: Mailbox, complaints: Any) -> None:
    complaints.expect("status of 422")
    page.goto("/login")
    press(page, page.get_by_role("link", name="Forgotten your password?"))
    page.wait_for_url("**/password/forgotten")
    type_into(page, email=demo.EMAIL)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")

    page.goto(link_of(mailbox.last()))
    type_into(page, new_password="password")
    page.keyboard.press("Enter")
    expect(page.locator("[name=new_password][aria-invalid]")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/login?**")
    type_into(page, email=demo.EMAIL, password=PASSWORD)
    press(page, sign_in_button(page))

    expect(page.get_by_role("link", name=f"Account of {demo.NAME}")).to_be_visible()
