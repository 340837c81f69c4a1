"""axe-core finds nothing to complain of, on no page of the shop, in either colour scheme, on a desk and on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from browsing import DESK, PHONE, add_to_cart, fill_in_login, log_in, sign_in_button
from on_database import Database

LOOKS: dict[str, dict[str, Any]] = {
    f"{scheme} {screen}": {"viewport": viewport, "color_scheme": scheme}
    for screen, viewport in (("desk", DESK), ("phone", PHONE))
    for scheme in ("light", "dark")
}

Stations = dict[str, Callable[[Page, Database], None]]


def at(path: str) -> Callable[[Page, Database], None]:
    """Go to an address."""
    return lambda page, _database: (page.goto(path), None)[1]


def a_message(page: Page, _database: Database) -> None:
    """Add something, which the next page tells."""
    add_to_cart(page, "stoneware-mug")
    expect(page.get_by_role("status")).to_be_visible()


def a_short_and_a_vanished_line(page: Page, database: Database) -> None:
    """Have less than what is in the cart, and nothing of one product at all."""
    add_to_cart(page, "brass-pen")
    add_to_cart(page, "nest-box")
    page.get_by_role("button", name="One Stoneware Mug, Moss more").click()
    page.wait_for_url("**/cart*")
    database.execute("UPDATE product SET stock = 1 WHERE sku = 'stoneware-mug'")
    database.execute("UPDATE product SET stock = 0 WHERE sku = 'brass-pen'")
    database.execute("DELETE FROM product WHERE sku = 'nest-box'")
    page.goto("/cart")


def a_refused_sign_in(page: Page, _database: Database) -> None:
    """Mistype the password."""
    fill_in_login(page, password="a wrong one")
    sign_in_button(page).click()
    expect(page.get_by_role("alert")).to_be_visible()


def a_refused_password(page: Page, _database: Database) -> None:
    """Choose a password that is too short."""
    page.goto("/account")
    page.get_by_label("Current password").fill("guess")
    page.get_by_label("New password").fill("a guess")
    page.get_by_label("New password").evaluate("field => field.form.noValidate = true")
    page.get_by_label("New password").press("Enter")
    page.wait_for_load_state()


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
}
"""Where somebody comes by who has signed in."""


def complaints_of_axe(page: Page, database: Database, stations: Stations) -> dict[str, list[str]]:
    """Go from one to the next; return what is wrong at each."""
    found = {}
    for name, go in stations.items():
        go(page, database)
        page.wait_for_load_state()
        violations = Axe().run(page).response["violations"]
        if violations:
            found[name] = [
                f"{each['id']}: {node['html'][:120]} {node['failureSummary']}"
                for each in violations
                for node in each["nodes"]
            ]
    return found


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_has_a_violation(look: str, new_page: Callable[..., Page], complaints: Any, database: Database) -> None:
    page = new_page(**LOOKS[look])
    for status in ("400", "401", "404", "422"):
        complaints.expect(f"status of {status}")

    found = complaints_of_axe(page, database, OF_VISITORS)
    log_in(page)
    found |= complaints_of_axe(page, database, OF_PEOPLE)

    assert found == {}


def test_axe_sees_what_would_be_wrong(page: Page, database: Database) -> None:
    def spoilt(page: Page, _database: Database) -> None:
        page.goto("/login")
        page.evaluate("document.querySelector('label[for=email]').remove()")
        page.evaluate("document.querySelector('h1').style.color = 'silver'")

    (found,) = complaints_of_axe(page, database, {"spoilt": spoilt}).values()

    assert sorted(each.partition(":")[0] for each in found) == ["color-contrast", "label"]
