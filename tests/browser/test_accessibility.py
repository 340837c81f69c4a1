"""axe-core finds nothing to complain of, on no page of the shop, in either colour scheme, on a desk and on a phone."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from browsing import (
    DESK,
    PHONE,
    add_to_cart,
    fill_in_checkout,
    fill_in_login,
    is_ordered,
    log_in,
    order_button,
    sign_in_button,
)
from on_database import Database
from shopapp.catalog import demo
from shopapp.testing.shop import Mailbox, html_of, link_of

LOOKS: dict[str, dict[str, Any]] = {
    "light desk": {"viewport": DESK, "color_scheme": "light"},
    "dark phone": {"viewport": PHONE, "color_scheme": "dark"},
}
"""Each colour scheme and each screen once: where a page's parts stand has nothing to do with its colours."""

WANTED = {"resultTypes": ["violations"]}
"""What axe-core tells in full: to write down all that is right takes it longer."""


class Behind(NamedTuple):
    """What is behind the shop."""

    database: Database
    mailbox: Mailbox


Stations = dict[str, Callable[[Page, Behind], None]]


def at(path: str) -> Callable[[Page, Behind], None]:
    """Go to an address."""
    return lambda page, _behind: (page.goto(path), None)[1]


def a_message(page: Page, _behind: Behind) -> None:
    """Add something, which the next page tells."""
    add_to_cart(page, "stoneware-mug")
    expect(page.get_by_role("status")).to_be_visible()


def a_short_and_a_vanished_line(page: Page, behind: Behind) -> None:
    """Have less than what is in the cart, and nothing of one product at all."""
    database = behind.database
    add_to_cart(page, "brass-pen")
    add_to_cart(page, "nest-box")
    page.get_by_role("button", name="One Stoneware Mug, Moss more").click()
    page.wait_for_url("**/cart*")
    database.execute("UPDATE product SET stock = 1 WHERE sku = 'stoneware-mug'")
    database.execute("UPDATE product SET stock = 0 WHERE sku = 'brass-pen'")
    database.execute("DELETE FROM product WHERE sku = 'nest-box'")
    page.goto("/cart")


def a_refused_sign_in(page: Page, _behind: Behind) -> None:
    """Mistype the password."""
    fill_in_login(page, password="a wrong one")
    sign_in_button(page).click()
    expect(page.get_by_role("alert")).to_be_visible()


def a_refused_password(page: Page, _behind: Behind) -> None:
    """Choose a password that is too short."""
    page.goto("/account")
    page.get_by_label("Current password").fill("guess")
    page.get_by_label("New password").fill("a guess")
    page.get_by_label("New password").evaluate("field => field.form.noValidate = true")
    page.get_by_label("New password").press("Enter")
    page.wait_for_load_state()


def without_what_is_asked(form: str, button: str) -> Callable[[Page, Behind], None]:
    """Send the form as it is, as a browser does that checks nothing itself."""

    def send(page: Page, _behind: Behind) -> None:
        page.locator(form).evaluate("form => { form.noValidate = true }")
        page.locator(form).get_by_role("button", name=button).click()
        expect(page.locator(".problem").first).to_be_visible()

    return send


def look_into_your_mail(page: Page, _behind: Behind) -> None:
    """Sign up."""
    page.get_by_label("Name").fill("Ann Lee")
    page.get_by_label("E-mail").fill("ann@example.com")
    page.get_by_label("Password").fill("kettle tulip bronze")
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")


def a_link(page: Page, behind: Behind) -> None:
    """Open the link of the newest letter."""
    page.goto(link_of(behind.mailbox.last()))


def a_new_password(page: Page, behind: Behind) -> None:
    """Forget the password, and open the link."""
    page.goto("/password/forgotten")
    page.get_by_label("E-mail").fill(demo.EMAIL)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    a_link(page, behind)


def a_letter(page: Page, behind: Behind) -> None:
    """Read the newest letter as a mail program shows it: on the shop's own page of it no script runs, not even axe."""
    page.goto("about:blank")
    page.set_content(html_of(behind.mailbox.last()))


def the_goods_are_there_again(page: Page, behind: Behind) -> None:
    """Empty the cart of what cannot be had."""
    page.goto("/cart")
    for name in ("Brass Fountain Pen", "nest-box"):
        page.get_by_role("button", name=f"Remove {name}").click()
        expect(page.get_by_role("button", name=f"Remove {name}")).to_have_count(0)
    behind.database.execute("UPDATE product SET stock = 9 WHERE sku = 'stoneware-mug'")
    page.goto("/checkout")


def a_guests_order(page: Page, _behind: Behind) -> None:
    """Order."""
    fill_in_checkout(page, email="ann@example.com")
    order_button(page).click()
    is_ordered(page)


def a_persons_order(page: Page, _behind: Behind) -> None:
    """Order with the account."""
    add_to_cart(page, "stoneware-mug")
    page.goto("/checkout")
    fill_in_checkout(page)
    order_button(page).click()
    is_ordered(page)


def a_new_address(page: Page, behind: Behind) -> None:
    """Ask for another address of mail, and open the link that comes to it."""
    page.goto("/account")
    form = page.locator("form#email")
    form.get_by_label("New e-mail address").fill("new@example.com")
    form.get_by_label("Your password").fill(demo.PASSWORD)
    form.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("We have sent a mail")
    a_link(page, behind)


def signed_out(page: Page, _behind: Behind) -> None:
    """Sign out."""
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")


OF_VISITORS: Stations = {
    "home": at("/"),
    "second page": at("/?page=2"),
    "category": at("/?category=garden"),
    "search": at("/?q=pen"),
    "empty search": at("/?q=unpronounceable"),
    "mistyped search": at("/?q=lantren"),
    "product": at("/products/brass-pen"),
    "sold out": at("/products/camp-lantern"),
    "empty cart": at("/cart"),
    "message": a_message,
    "cart": at("/cart"),
    "short cart": a_short_and_a_vanished_line,
    "short checkout": at("/checkout"),
    "checkout": the_goods_are_there_again,
    "refused checkout": without_what_is_asked("#checkout", "Order for"),
    "order": a_guests_order,
    "sign up": at("/register"),
    "refused sign-up": without_what_is_asked("#register", "Sign up"),
    "look into your mail": look_into_your_mail,
    "finish signing up": a_link,
    "forgotten password": at("/password/forgotten"),
    "new password": a_new_password,
    "refused new password": without_what_is_asked("#reset", "Change password"),
    "dead link": at("/password/reset?token=dead"),
    "mail": at("/mail"),
    "letter": a_letter,
    "sign in": at("/login"),
    "refused sign-in": a_refused_sign_in,
    "not found": at("/nowhere"),
    "bad address": at("/?page=abc"),
    "imprint": at("/imprint"),
    "terms": at("/terms"),
    "privacy": at("/privacy"),
    "returns": at("/returns"),
}
"""Where a visitor comes by, one after the other: a new page gets a line here."""

OF_PEOPLE: Stations = {
    "account": at("/account"),
    "refused password": a_refused_password,
    "devices": at("/account/sessions"),
    "no orders": at("/orders"),
    "one's order": a_persons_order,
    "orders": at("/orders"),
    "new address": a_new_address,
    "sign out": at("/logout"),
    "signed out": signed_out,
}
"""Where somebody comes by who has signed in."""


def complaints_of_axe(page: Page, behind: Behind, stations: Stations) -> dict[str, list[str]]:
    """Go from one to the next; return what is wrong at each."""
    found = {}
    for name, go in stations.items():
        go(page, behind)
        page.wait_for_load_state()
        violations = Axe().run(page, options=WANTED).response["violations"]
        if violations:
            found[name] = [
                f"{each['id']}: {node['html'][:120]} {node['failureSummary']}"
                for each in violations
                for node in each["nodes"]
            ]
    return found


@pytest.fixture
def behind(database: Database, mailbox: Mailbox) -> Behind:
    """What is behind the shop."""
    return Behind(database, mailbox)


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_has_a_violation(look: str, new_page: Callable[..., Page], complaints: Any, behind: Behind) -> None:
    page = new_page(**LOOKS[look])
    for status in ("400", "401", "404", "422"):
        complaints.expect(f"status of {status}")

    found = complaints_of_axe(page, behind, OF_VISITORS)
    log_in(page)
    found |= complaints_of_axe(page, behind, OF_PEOPLE)

    assert found == {}


def test_axe_sees_what_would_be_wrong(page: Page, behind: Behind) -> None:
    def spoilt(page: Page, _behind: Behind) -> None:
        page.goto("/login")
        page.evaluate("document.querySelector('label[for=email]').remove()")
        page.evaluate("document.querySelector('h1').style.color = 'silver'")

    (found,) = complaints_of_axe(page, behind, {"spoilt": spoilt}).values()

    assert sorted(each.partition(":")[0] for each in found) == ["color-contrast", "label"]
