"""Looking around and filling a cart."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from browsing import add_to_cart, badge, go_back


def test_a_visitor_finds_a_product_by_search(page: Page) -> None:
    page.goto("/")

    page.get_by_role("searchbox", name="Search the shop").fill("kettle")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Results for “kettle”")
    expect(page.get_by_role("searchbox", name="Search the shop")).to_have_value("kettle")
    page.get_by_role("link", name="Gooseneck Kettle").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gooseneck Kettle")


def test_a_search_that_finds_nothing_leads_on(page: Page) -> None:
    page.goto("/?q=unicorn")

    expect(page.get_by_role("heading", level=1)).to_have_text("No results for “unicorn”")
    page.get_by_role("main").get_by_role("link", name="Garden").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Garden")


def test_a_visitor_goes_through_a_category_and_the_pages(page: Page) -> None:
    page.goto("/")
    categories = page.get_by_role("navigation", name="Categories")

    categories.get_by_role("link", name="Outdoors").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Outdoors")
    expect(categories.get_by_role("link", name="Outdoors")).to_have_attribute("aria-current", "true")
    expect(page.get_by_text("Sold out", exact=True)).to_be_visible()

    categories.get_by_role("link", name="Everything").click()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("24 products, page 2 of 2")).to_be_visible()
    page.get_by_role("link", name="Previous").click()
    expect(page).to_have_url("/")


def test_every_picture_of_the_shop_is_there(page: Page) -> None:
    page.goto("/products/brass-pen")
    page.goto("/?page=2")
    page.goto("/")
    pictures = page.get_by_role("main").locator("img")

    for picture in pictures.all():
        picture.scroll_into_view_if_needed()  # they load as they come into sight
        expect(picture).to_have_js_property("complete", True)

    assert pictures.count() == 12
    assert pictures.evaluate_all("images => images.filter(image => !image.naturalWidth).length") == 0


def test_a_cart_is_filled_changed_and_emptied(page: Page) -> None:
    page.goto("/products/stoneware-mug")
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Add to cart").click()

    expect(page).to_have_url("/cart")
    expect(page.get_by_role("status")).to_have_text("Stoneware Mug, Moss is in your cart.")
    expect(badge(page)).to_have_text("2")
    quantity = page.get_by_label("Quantity of Stoneware Mug, Moss")

    page.get_by_role("button", name="One Stoneware Mug, Moss more").click()
    expect(quantity).to_have_value("3")
    expect(page.get_by_text("€55.50")).to_have_count(2)
    expect(page.get_by_role("status")).to_have_count(0)

    page.get_by_role("button", name="One Stoneware Mug, Moss less").click()
    expect(quantity).to_have_value("2")

    quantity.fill("7")
    quantity.press("Enter")
    expect(badge(page)).to_have_text("7")

    page.get_by_role("button", name="Remove Stoneware Mug, Moss").click()
    expect(page.get_by_text("Stoneware Mug, Moss was removed.")).to_be_visible()
    expect(page.get_by_text("There is nothing in it yet.")).to_be_visible()
    expect(badge(page)).to_have_count(0)
    page.get_by_role("link", name="See what we have").click()
    expect(page).to_have_url("/")


def test_a_product_is_added_from_the_list(page: Page) -> None:
    page.goto("/?q=pencils")

    page.get_by_role("button", name="Add Cedar Pencils, Set of Six to the cart").click()

    expect(page.get_by_label("Quantity of Cedar Pencils, Set of Six")).to_have_value("1")


def test_a_line_that_has_become_short_says_so_and_can_be_cut_down(
    page: Page, stock: Callable[[str, int], None]
) -> None:
    for _ in range(3):
        add_to_cart(page, "brass-pen")
    stock("brass-pen", 2)
    page.reload()

    expect(page.get_by_text("Only 2 left.")).to_be_visible()
    expect(page.get_by_label("Quantity of Brass Fountain Pen")).to_have_accessible_description("Only 2 left.")
    page.get_by_role("button", name="Take 2 of Brass Fountain Pen").click()

    expect(page.get_by_label("Quantity of Brass Fountain Pen")).to_have_value("2")
    expect(page.get_by_text("Only 2 left.")).to_have_count(0)


def test_one_more_than_there_is_is_refused_beside_the_field(page: Page, complaints: Any) -> None:
    complaints.expect("status of 409")
    for _ in range(3):
        add_to_cart(page, "brass-pen")

    page.goto("/products/brass-pen")
    page.get_by_role("button", name="Add to cart").click()

    told = "We have only 3 of this, and they are in your cart already."
    expect(page.get_by_label("Quantity")).to_have_accessible_description(told)
    expect(page.get_by_label("Quantity")).to_be_focused()
    expect(badge(page)).to_have_text("3")
    page.goto("/cart/items")
    expect(page).to_have_url("/cart")


def test_the_back_button_after_adding_adds_nothing_again(page: Page) -> None:
    add_to_cart(page, "stoneware-mug")

    go_back(page, "/products/stoneware-mug")
    page.reload()
    expect(badge(page)).to_have_text("1")
    page.evaluate("history.forward()")

    expect(page).to_have_url("/cart")
    expect(page.get_by_label("Quantity of Stoneware Mug, Moss")).to_have_value("1")


def test_two_tabs_fill_one_cart(page: Page) -> None:
    other_tab = page.context.new_page()
    add_to_cart(page, "stoneware-mug")
    expect(badge(page)).to_have_text("1")

    page.goto("/products/stoneware-mug")
    other_tab.goto("/products/olive-board")
    page.get_by_role("button", name="Add to cart").click()
    other_tab.get_by_role("button", name="Add to cart").click()

    expect(page).to_have_url("/cart")
    expect(other_tab).to_have_url("/cart")
    other_tab.reload()
    expect(other_tab.get_by_label("Quantity of Stoneware Mug, Moss")).to_have_value("2")
    expect(other_tab.get_by_label("Quantity of Olive Wood Board")).to_have_value("1")
