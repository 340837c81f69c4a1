"""Looking around and filling a cart, as people do it."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from browsing import add_to_cart


def cart_link(page: Page) -> str:
    """What the link to the cart says in the page's head."""
    return " ".join(page.get_by_role("navigation", name="Account and cart").get_by_role("link").last.inner_text().split())


def test_x_double(page: Page, complaints) -> None:
    page.goto("/products/stoneware-mug")
    page.get_by_role("button", name="Add to cart").dblclick()
    page.wait_for_url("**/cart")
    print(page.url, cart_link(page), complaints.found)
    page.reload()
    print(page.url, cart_link(page), complaints.found)
    page.go_back()
    print(page.url, cart_link(page), complaints.found)
    page.reload()
    print(page.url, cart_link(page), complaints.found)
