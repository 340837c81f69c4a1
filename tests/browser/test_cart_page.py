"""The cart's page, with the shop's script and without: a change comes back to where it was pressed, Remove can be
undone, and an add counts once.
"""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from browsing import PHONE, add_to_cart, badge, go_back

SKUS = ("brass-pen", "nest-box", "oak-clock", "olive-board", "iron-skillet", "stoneware-mug")
MUG = "Stoneware Mug, Moss"


def fill(page: Page) -> None:
    for sku in SKUS:
        add_to_cart(page, sku)


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.id")


def top_of(page: Page, selector: str) -> float:
    return page.locator(selector).evaluate("element => element.getBoundingClientRect().top")


@pytest.mark.parametrize("screen", [{}, {"viewport": PHONE, "has_touch": True}], ids=["desk", "phone"])
def test_one_more_and_one_less_leave_page_and_focus_where_they_were(
    new_page: Callable[..., Page], screen: dict[str, Any]
) -> None:
    page = new_page(**screen)
    fill(page)
    for name, value in (("more", "2"), ("more", "3"), ("less", "2")):
        button = page.get_by_role("button", name=f"One Olive Wood Board {name}")
        button.scroll_into_view_if_needed()
        before = top_of(page, f"#{name}-olive-board")

        button.click()

        expect(page.get_by_label("Quantity of Olive Wood Board")).to_have_value(value)
        expect(button).to_be_focused()
        expect(button).to_have_accessible_description(f"{value} in your cart, together €{int(value) * 39}.00")
        assert top_of(page, f"#{name}-olive-board") == pytest.approx(before, abs=2)  # though the message above is gone


def test_without_a_script_the_page_comes_back_to_the_line(new_page: Callable[..., Page]) -> None:
    page = new_page(viewport=PHONE, java_script_enabled=False)
    fill(page)

    page.get_by_role("button", name=f"One {MUG} more").click()

    expect(page).to_have_url("/cart#line-stoneware-mug")
    expect(page.locator("#line-stoneware-mug")).to_be_in_viewport()
    expect(page.locator("#line-stoneware-mug")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name=MUG)).to_be_focused()


@pytest.mark.parametrize("script", [True, False])
def test_what_was_removed_can_be_put_back_by_keyboard(new_page: Callable[..., Page], script: bool) -> None:
    page = new_page(viewport=PHONE, java_script_enabled=script)
    fill(page)

    page.get_by_role("button", name=f"Remove {MUG}").click()
    expect(page.locator("#line-stoneware-mug")).to_be_focused()
    expect(page.locator("#line-stoneware-mug")).to_be_in_viewport()
    expect(badge(page)).to_have_text("5")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_label(f"Quantity of {MUG}")).to_have_value("1")
    expect(page.locator("#line-stoneware-mug")).to_be_focused()
    expect(badge(page)).to_have_text("6")


class LossyShop:
    """The shop on a bad line: the answer to the next form that fills the cart is lost, once it is told to lose it."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app, self.loses = app, False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if not self.loses or environ["REQUEST_METHOD"] != "POST":
            return self._app(environ, start_response)
        self.loses = False
        list(self._app(environ, lambda *_: lambda _: None))
        start_response("502 Bad Gateway", [("Content-Type", "text/html")])
        return [b"<link rel=icon href=data:,>the proxy gave up"]


@pytest.fixture
def shop_app(shop_app: Callable[..., Any]) -> LossyShop:
    """The shop as the browser meets it here."""
    return LossyShop(shop_app)


@pytest.mark.parametrize("retry", ["reload", "back and press again"])
def test_an_add_whose_answer_was_lost_counts_once_when_it_is_tried_again(
    page: Page, shop_app: LossyShop, complaints: Any, retry: str
) -> None:
    complaints.expect("status of 502")
    add_to_cart(page, "olive-board")
    page.goto("/products/stoneware-mug")

    shop_app.loses = True
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_text("the proxy gave up")).to_be_visible()
    if retry == "reload":
        page.reload()
    else:
        go_back(page, "/products/stoneware-mug")
        page.get_by_role("button", name="Add to cart").click()

    expect(page).to_have_url("/cart")
    expect(page.get_by_label(f"Quantity of {MUG}")).to_have_value("1")


@pytest.mark.parametrize("how", ["back", "link"])
def test_who_adds_once_more_after_an_answer_gets_one_more(page: Page, how: str) -> None:
    add_to_cart(page, "stoneware-mug")
    if how == "back":
        go_back(page, "/products/stoneware-mug")
    else:
        page.goto("/products/stoneware-mug")
    page.get_by_role("button", name="Add to cart").click()

    page.wait_for_url("**/cart")
    expect(page.get_by_label(f"Quantity of {MUG}")).to_have_value("2")


def test_each_add_into_another_tab_counts(page: Page) -> None:
    add_to_cart(page, "olive-board")
    page.goto("/products/stoneware-mug")

    for number in (1, 2):
        with page.context.expect_page() as opened:
            page.get_by_role("button", name="Add to cart").click(modifiers=["ControlOrMeta"])
        expect(opened.value.get_by_label(f"Quantity of {MUG}")).to_have_value(str(number))


def test_a_button_works_again_after_going_back(page: Page) -> None:
    add_to_cart(page, "olive-board")
    page.goto("/?q=mug")
    button = page.get_by_role("button", name=f"Add {MUG} to the cart")
    button.click()
    page.wait_for_url("**/cart")

    go_back(page, "/?q=mug")
    expect(button).not_to_have_attribute("aria-busy", "true")
    button.click()

    page.wait_for_url("**/cart")
    expect(page.get_by_label(f"Quantity of {MUG}")).to_have_value("2")


def test_what_the_browser_itself_stops_leaves_the_button_free(page: Page) -> None:
    page.goto("/products/stoneware-mug")
    page.get_by_label("Quantity").fill("0")

    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("button", name="Add to cart")).not_to_have_attribute("aria-busy", "true")
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Add to cart").click()

    page.wait_for_url("**/cart")
    expect(badge(page)).to_have_text("2")
