"""Signing in and out: the cart comes along, errors stand beside the form, and nothing personal stays behind."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from browsing import add_to_cart, badge, fill_in_login, log_in, sign_in_button
from shopapp.catalog import demo

HOUR = 60 * 60
DAY = 24 * HOUR


def test_the_cart_is_kept_at_login_and_the_person_is_told(page: Page) -> None:
    add_to_cart(page, "stoneware-mug")
    page.get_by_role("main").get_by_role("link", name="Sign in").click()

    log_in(page)

    expect(page).to_have_url("/cart")
    expect(page.get_by_role("status")).to_have_text(
        [f"You are signed in as {demo.NAME}.", "1 product from your visit came along into your cart."]
    )
    expect(page.get_by_label("Quantity of Stoneware Mug, Moss")).to_have_value("1")
    expect(badge(page)).to_have_text("1")


def test_a_persons_cart_is_there_again_after_signing_out_and_in(page: Page) -> None:
    log_in(page)
    add_to_cart(page, "stoneware-mug")

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()
    expect(badge(page)).to_have_count(0)
    log_in(page)

    expect(badge(page)).to_have_text("1")


def test_a_persons_cart_follows_to_another_device(page: Page, new_page: Callable[..., Page]) -> None:
    phone = new_page()
    log_in(page)
    log_in(phone)

    add_to_cart(page, "stoneware-mug")
    phone.goto("/cart")

    expect(phone.get_by_label("Quantity of Stoneware Mug, Moss")).to_have_value("1")


def test_a_wrong_password_is_told_beside_the_form_which_keeps_the_email(page: Page, complaints) -> None:
    complaints.expect("status of 401")
    fill_in_login(page, password="battery horse correct")

    sign_in_button(page).click()

    expect(page.get_by_role("alert")).to_have_text("E-mail or password is not right. Please check both.")
    expect(page.get_by_label("E-mail")).to_have_value(demo.EMAIL)
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Password")).to_be_focused()
    log_in(page)


def test_a_page_for_people_leads_through_the_login_to_itself(page: Page) -> None:
    page.goto("/account/sessions")
    expect(page).to_have_url("/login?next=%2Faccount%2Fsessions")

    log_in(page)

    expect(page).to_have_url("/account/sessions")


@pytest.mark.parametrize(("keep", "seconds"), [(True, 30 * DAY), (False, 3 * HOUR)])
def test_keep_me_signed_in_decides_how_long_the_cookie_lasts(page: Page, keep: bool, seconds: int) -> None:
    page.goto("/login")
    page.get_by_label("Keep me signed in for 30 days").set_checked(keep)

    log_in(page)

    (cookie,) = (each for each in page.context.cookies() if each["name"] == "session")
    assert cookie["expires"] - time.time() == pytest.approx(seconds, abs=60)


@pytest.mark.parametrize("path", ["/account", "/cart", "/products/brass-pen"])
def test_the_back_button_after_signing_out_shows_nothing_personal(page: Page, path: str) -> None:
    log_in(page)
    add_to_cart(page, "stoneware-mug")
    page.goto(path)

    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()
    page.evaluate("history.back()")

    expect(page).not_to_have_url("/")
    expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()
    expect(badge(page)).to_have_count(0)
    assert demo.NAME not in page.content()
    assert demo.EMAIL not in page.content()


def test_the_back_button_after_signing_in_shows_no_login_form_to_be_sent_again(page: Page) -> None:
    page.goto("/products/brass-pen")
    page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    log_in(page)

    page.evaluate("history.back()")

    expect(page).to_have_url("/")
    expect(page.get_by_role("link", name=f"Account of {demo.NAME}")).to_be_visible()
