"""The main errand on a desk, on a phone and without JavaScript: nothing is cut off, and nothing needs a script."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from browsing import DESK, PHONE, add_to_cart, badge, log_in
from shopapp.catalog import demo

SCREENS: dict[str, dict[str, Any]] = {
    "desk": {"viewport": DESK},
    "phone": {"viewport": PHONE, "has_touch": True},
    "no JavaScript": {"viewport": DESK, "java_script_enabled": False},
}


def fits(page: Page, path: str) -> None:
    """The browser has arrived at the page, and nothing of it sticks out at the side."""
    expect(page).to_have_url(path)
    page.wait_for_load_state()
    wide, seen = page.evaluate("[document.scrollingElement.scrollWidth, window.innerWidth]")
    assert wide <= seen, page.url


@pytest.mark.parametrize("screen", SCREENS)
def test_a_visitor_shops_signs_in_and_out(screen: str, new_page: Callable[..., Page]) -> None:
    page = new_page(**SCREENS[screen])
    page.goto("/")
    fits(page, "/")

    page.get_by_role("searchbox", name="Search the shop").fill("mug")
    page.get_by_role("banner").get_by_role("button", name="Search").click()
    fits(page, "/?q=mug")
    page.get_by_role("link", name="Stoneware Mug, Moss").click()
    fits(page, "/products/stoneware-mug")
    page.get_by_role("button", name="Add to cart").click()
    page.get_by_role("button", name="One Stoneware Mug, Moss more").click()
    expect(badge(page)).to_have_text("2")
    fits(page, "/cart#line-stoneware-mug")

    page.get_by_role("main").get_by_role("link", name="Sign in").click()
    fits(page, "/login?next=%2Fcart")
    log_in(page)
    expect(page.get_by_label("Quantity of Stoneware Mug, Moss")).to_have_value("2")
    fits(page, "/cart")

    page.get_by_role("link", name=f"Account of {demo.NAME}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")
    fits(page, "/account")
    page.get_by_role("link", name="Where you are signed in").click()
    expect(page.get_by_text("This device", exact=True)).to_be_visible()
    fits(page, "/account/sessions")

    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()
    expect(badge(page)).to_have_count(0)


def test_on_a_phone_an_error_further_down_is_in_sight(new_page: Callable[..., Page], complaints: Any) -> None:
    page = new_page(**SCREENS["phone"])
    complaints.expect("status of 422")
    for sku in ("brass-pen", "nest-box", "stoneware-mug"):
        add_to_cart(page, sku)

    ask_for(page.get_by_label("Quantity of Stoneware Mug, Moss"), 1000)
    expect(page.get_by_text("You can have at most 999 of one product in your cart.")).to_be_in_viewport()
    page.goto("/products/stoneware-mug")
    ask_for(page.get_by_label("Quantity"), 1000)

    expect(page.get_by_text("You can have at most 999 of one product in your cart.")).to_be_in_viewport()


def ask_for(field: Locator, units: int) -> None:
    """Ask for more than the page lets one, as if somebody had bought the last ones just now."""
    field.evaluate("field => field.removeAttribute('max')")
    field.fill(str(units))
    field.press("Enter")


@pytest.mark.parametrize("screen", ["desk", "phone"])
def test_unusual_pages_fit_too(screen: str, new_page: Callable[..., Page], complaints: Any) -> None:
    page = new_page(**SCREENS[screen])
    complaints.expect("status of 404")

    for path in ("/cart", "/?q=" + "unpronounceable" * 13, "/?page=2", "/products/camp-lantern", "/nowhere"):
        page.goto(path)
        fits(page, path)


@pytest.mark.parametrize("screen", ["desk", "phone"])
def test_a_full_cart_with_large_numbers_fits(
    screen: str, new_page: Callable[..., Page], stock: Callable[[str, int], None]
) -> None:
    page = new_page(**SCREENS[screen])
    full = ("canvas-rucksack", "brass-pen", "terracotta-pot")
    for sku in full:
        stock(sku, 999)
    for sku in full:
        page.goto(f"/products/{sku}")
        ask_for(page.get_by_label("Quantity"), 999)
        expect(page.get_by_role("status")).to_have_text(re.compile("is in your cart"))

    stock("canvas-rucksack", 22)
    stock("brass-pen", 0)
    page.goto("/cart")
    expect(page.get_by_text("Only 22 left.")).to_be_visible()
    expect(badge(page)).to_have_text("999+")
    fits(page, "/cart")
