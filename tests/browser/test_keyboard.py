"""The shop without a mouse and without eyes: the focus is seen, and whatever can be used has a name."""

import re
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from browsing import add_to_cart, badge, log_in

FOR_VISITORS = ["/", "/?q=mug", "/?q=unicorn", "/products/brass-pen", "/products/camp-lantern", "/cart", "/login"]
FOR_PEOPLE = ["/cart", "/account", "/account/sessions"]

OUTLINE = """element => {
  const style = getComputedStyle(element)
  const isSolid = style.outlineStyle === "solid" && style.outlineColor !== "rgba(0, 0, 0, 0)"
  return isSolid && parseFloat(style.outlineWidth) >= 2
}"""
HEADINGS = "[...document.querySelectorAll('h1, h2, h3, h4')].map(heading => Number(heading.tagName[1]))"
IDS = "[...document.querySelectorAll('[id]')].map(element => element.id)"
DANGLING = """[...document.querySelectorAll('[aria-describedby], [aria-labelledby], label[for]')].flatMap(element =>
  ['aria-describedby', 'aria-labelledby', 'for'].flatMap(name => (element.getAttribute(name) || '').split(' '))
).filter(id => id && !document.getElementById(id))"""


def tab_stops(page: Page) -> Iterator[Locator]:
    """Go through the page by Tab; each stop is the element in focus."""
    while True:
        page.keyboard.press("Tab")
        yield page.locator("*:focus")


def go_by_tab(page: Page, wanted: Locator) -> None:
    element = wanted.element_handle()
    assert any(stop.evaluate("(stop, wanted) => stop === wanted", element) for stop in islice(tab_stops(page), 30))


def names_and_structure_are_sound(page: Page) -> None:
    for control in page.locator("a, button, input:not([type=hidden], [hidden])").all():
        expect(control).to_have_accessible_name(re.compile(r"\S"))
    expect(page.locator("img:not([alt])")).to_have_count(0)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page).to_have_title(re.compile(r"\S.* · Saltmarsh$"))
    levels, ids = page.evaluate(HEADINGS), page.evaluate(IDS)
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels)), levels
    assert sorted(set(ids)) == sorted(ids)
    assert page.evaluate(DANGLING) == []


@pytest.mark.parametrize("path", FOR_VISITORS)
def test_a_visitors_page_makes_sense_to_a_screen_reader(path: str, page: Page) -> None:
    page.goto(path)

    names_and_structure_are_sound(page)


def test_a_persons_pages_make_sense_to_a_screen_reader(page: Page) -> None:
    log_in(page)
    add_to_cart(page, "brass-pen")

    for path in FOR_PEOPLE:
        page.goto(path)
        names_and_structure_are_sound(page)


def test_a_page_with_errors_makes_sense_to_a_screen_reader(page: Page, complaints: Any) -> None:
    complaints.expect("status of 422")
    page.goto("/login")
    page.locator("#login").evaluate("form => { form.noValidate = true }")

    page.get_by_label("Password").press("Enter")

    expect(page.get_by_label("E-mail")).to_have_accessible_description("Please enter your e-mail address.")
    expect(page.get_by_label("E-mail")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Password")).to_have_accessible_description("Please enter your password.")
    names_and_structure_are_sound(page)


def test_the_first_tab_stop_skips_to_the_content(page: Page) -> None:
    page.goto("/")

    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    expect(page.get_by_role("main").get_by_role("link").first).to_be_focused()


@pytest.mark.parametrize("path", ["/products/stoneware-mug", "/cart", "/login", "/account", "/account/sessions"])
def test_every_tab_stop_is_seen_and_none_holds_on(path: str, page: Page) -> None:
    if path.startswith("/account") or path == "/cart":
        log_in(page)
        add_to_cart(page, "stoneware-mug")
    page.goto(path)
    stops = page.locator("a, button:enabled, input:not([type=hidden], [hidden])").count()

    for stop in islice(tab_stops(page), stops):
        expect(stop).to_have_count(1)
        expect(stop).to_be_in_viewport()
        assert stop.evaluate(OUTLINE), stop.evaluate("element => element.outerHTML")
        stop.evaluate("element => element.setAttribute('data-seen', '')")

    expect(page.locator("[data-seen]")).to_have_count(stops)


def test_a_product_is_added_and_put_back_by_keyboard(page: Page) -> None:
    page.goto("/products/stoneware-mug")

    go_by_tab(page, page.get_by_role("button", name="Add to cart"))
    page.keyboard.press("Enter")
    expect(page).to_have_url("/cart")
    go_by_tab(page, page.get_by_role("button", name="Remove Stoneware Mug, Moss"))
    page.keyboard.press("Space")

    expect(page.get_by_text("There is nothing in it yet.")).to_be_visible()
    expect(badge(page)).to_have_count(0)
