"""The shop without a mouse and without eyes: the focus is seen, and whatever can be used has a name."""

import re
from itertools import islice, pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browsing import IS_SEEN, add_to_cart, badge, go_by_tab, log_in, tab_stops

FOR_VISITORS = ["/", "/?q=mug", "/?q=unicorn", "/products/brass-pen", "/products/camp-lantern", "/cart", "/login"]
FOR_VISITORS += ["/register", "/password/forgotten"]
FOR_PEOPLE = ["/cart", "/checkout", "/account", "/account/sessions", "/orders"]

NAMELESS = re.compile(
    r"^\s*- (?:link|button|textbox|searchbox|spinbutton|checkbox|img|heading)\b(?! \").*", re.MULTILINE
)
"""A line of what a screen reader is told of a page, about something without a name."""

STRUCTURE = """() => ({
  pictures: document.querySelectorAll('img:not([alt])').length,
  levels: [...document.querySelectorAll('h1, h2, h3, h4')].map(heading => Number(heading.tagName[1])),
  ids: [...document.querySelectorAll('[id]')].map(element => element.id),
  dangling: [...document.querySelectorAll('[aria-describedby], [aria-labelledby], label[for]')].flatMap(element =>
    ['aria-describedby', 'aria-labelledby', 'for'].flatMap(name => (element.getAttribute(name) || '').split(' '))
  ).filter(id => id && !document.getElementById(id)),
})"""

CONTROLS = "a, button:enabled, select, input:not([type=hidden], [hidden])"


def makes_sense(page: Page) -> None:
    """Everything that can be used has a name, and what the page says of its own structure is true."""
    assert NAMELESS.findall(page.locator("body").aria_snapshot()) == []
    found = page.evaluate(STRUCTURE)
    assert found["pictures"] == 0
    assert found["dangling"] == []
    assert sorted(set(found["ids"])) == sorted(found["ids"])
    assert found["levels"].count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(found["levels"])), found["levels"]
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page).to_have_title(re.compile(r"\S.* · Saltmarsh$"))


def test_a_visitors_pages_make_sense_to_a_screen_reader(page: Page) -> None:
    for path in FOR_VISITORS:
        page.goto(path)
        makes_sense(page)


def test_a_persons_pages_make_sense_to_a_screen_reader(page: Page) -> None:
    log_in(page)
    add_to_cart(page, "brass-pen")

    for path in FOR_PEOPLE:
        page.goto(path)
        makes_sense(page)


def test_a_page_with_errors_makes_sense_to_a_screen_reader(page: Page, complaints: Any) -> None:
    complaints.expect("status of 422")
    page.goto("/login")
    page.locator("#login").evaluate("form => { form.noValidate = true }")

    page.get_by_label("Password").press("Enter")

    expect(page.get_by_label("E-mail")).to_have_accessible_description("Please enter your e-mail address.")
    expect(page.get_by_label("E-mail")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Password")).to_have_accessible_description("Please enter your password.")
    makes_sense(page)


def test_a_control_without_a_name_would_be_noticed(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("E-mail").evaluate("field => field.labels[0].remove()")

    with pytest.raises(AssertionError, match="textbox"):
        makes_sense(page)


def test_the_first_tab_stop_skips_to_the_content(page: Page) -> None:
    page.goto("/")

    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    expect(page.get_by_role("main").get_by_label("Sort by")).to_be_focused()


@pytest.mark.parametrize("paths", [["/products/stoneware-mug", "/login"], FOR_PEOPLE], ids=["visitor", "person"])
def test_every_control_can_be_reached_and_is_seen_to_be(paths: list[str], page: Page) -> None:
    if paths is FOR_PEOPLE:
        log_in(page)
        add_to_cart(page, "stoneware-mug")
        add_to_cart(page, "stoneware-mug")

    for path in paths:
        page.goto(path)
        controls = page.locator(CONTROLS).count()
        for stop in islice(tab_stops(page), controls):
            assert stop.evaluate(IS_SEEN), stop.evaluate("element => element.outerHTML")
            stop.evaluate("element => element.setAttribute('data-reached', '')")
        expect(page.locator("[data-reached]")).to_have_count(controls)


def test_a_product_is_added_and_put_back_by_keyboard(page: Page) -> None:
    page.goto("/products/stoneware-mug")

    go_by_tab(page, page.get_by_role("button", name="Add to cart"))
    page.keyboard.press("Enter")
    expect(page).to_have_url("/cart")
    go_by_tab(page, page.get_by_role("button", name="Remove Stoneware Mug, Moss"))
    page.keyboard.press("Space")

    expect(page.get_by_text("There is nothing in it yet.")).to_be_visible()
    expect(badge(page)).to_have_count(0)
