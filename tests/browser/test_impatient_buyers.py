"""Buyers who click again, go back and send again, have two tabs or a bad line: there is one order, or they are told."""

from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from browsing import add_to_cart, badge, fill_in_checkout, go_back, is_ordered, order_button
from buying import orders

ANN = "ann@example.com"


@pytest.fixture
def page(page: Page) -> Page:
    """The page of a guest who has filled in the checkout."""
    add_to_cart(page, "stoneware-mug")
    page.get_by_role("link", name="Check out").click()
    fill_in_checkout(page, email=ANN)
    return page


def test_a_double_click_on_a_slow_line_orders_once(page: Page, shop_settings: dict[str, Any]) -> None:
    line = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 20_000}
    line.send("Network.emulateNetworkConditions", slow)

    order_button(page).dblclick(no_wait_after=True)

    number = is_ordered(page)
    assert orders(shop_settings) == [(number, 2340, "placed")]


def test_back_after_ordering_and_sending_again_leads_to_the_same_order(
    page: Page, shop_settings: dict[str, Any]
) -> None:
    order_button(page).click()
    number = is_ordered(page)

    go_back(page, "/c*")
    if order_button(page).count():  # the browser has kept the page, or else the cart is shown, which is empty
        order_button(page).click()
        assert is_ordered(page) == number
    else:
        expect(page.get_by_text("There is nothing in it yet.")).to_be_visible()

    assert len(orders(shop_settings)) == 1


def test_of_two_tabs_the_second_is_told(page: Page, shop_settings: dict[str, Any], complaints: Any) -> None:
    complaints.expect("status of 409")
    other_tab = page.context.new_page()
    other_tab.goto("/checkout")
    fill_in_checkout(other_tab, email=ANN)

    order_button(page).click()
    number = is_ordered(page)
    order_button(other_tab).click()

    expect(other_tab.get_by_role("alert")).to_contain_text("Your cart is empty")
    expect(order_button(other_tab)).to_have_count(0)
    other_tab.get_by_role("button", name="Look at your cart").click()
    expect(other_tab.get_by_text("There is nothing in it yet.")).to_be_visible()
    assert orders(shop_settings) == [(number, 2340, "placed")]


def test_an_order_whose_answer_was_lost_is_found_by_sending_it_again(
    page: Page, shop_settings: dict[str, Any], complaints: Any
) -> None:
    complaints.expect("failed: POST")

    def lose_the_answer(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort("connectionreset")

    page.route("**/checkout", lose_the_answer, times=1)
    with page.expect_event("requestfailed"):
        order_button(page).click(no_wait_after=True)
    page.wait_for_url("chrome-error://**")
    page.reload()  # which sends the form again

    number = is_ordered(page)
    assert orders(shop_settings) == [(number, 2340, "placed")]
    expect(badge(page)).to_have_count(0)
