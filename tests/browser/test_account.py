"""The account's pages: where a person is signed in, and their password."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from browsing import fill_in_login, log_in, sign_in_button
from shopapp.catalog import demo

FIREFOX_ON_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
NEW_PASSWORD = "battery staple horse"


@pytest.fixture
def elsewhere(new_page: Callable[..., Page]) -> Page:
    """A page of the same person on another device."""
    page = new_page(user_agent=FIREFOX_ON_WINDOWS)
    log_in(page)
    return page


def is_signed_out(page: Page, *, elsewhere: bool = True) -> None:
    """The next page that this browser opens is the login, which says why if it was signed out ``elsewhere``."""
    page.goto("/account")
    expect(page).to_have_url("/login?next=%2Faccount&ended=1" if elsewhere else "/login?next=%2Faccount")
    expect(page.get_by_text("You are not signed in any more")).to_have_count(int(elsewhere))


def test_another_device_is_signed_out_from_the_list(page: Page, elsewhere: Page) -> None:
    log_in(page)
    page.get_by_role("link", name=f"Account of {demo.NAME}").click()
    page.get_by_role("link", name="Where you are signed in").click()
    devices = page.get_by_role("main").get_by_role("listitem")
    expect(devices.filter(has_text="This device")).to_contain_text("Now")

    devices.filter(has_text="Firefox on Windows").get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("status")).to_have_text("That device is signed out.")
    expect(page.get_by_text("You are signed in nowhere else.")).to_be_visible()
    is_signed_out(elsewhere)
    page.goto("/account")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")


def test_all_others_are_signed_out_at_once(page: Page, elsewhere: Page) -> None:
    log_in(page)
    page.goto("/account/sessions")

    page.get_by_role("button", name="Sign out everywhere else").click()

    expect(page.get_by_role("status")).to_have_text("You are signed out everywhere else.")
    is_signed_out(elsewhere)


def test_this_device_signed_out_from_the_list_is_out(page: Page) -> None:
    log_in(page)
    page.goto("/account/sessions")

    page.get_by_role("main").get_by_role("button", name="this device").click()

    expect(page).to_have_url("/logout")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    is_signed_out(page, elsewhere=False)


def test_a_new_password_signs_the_others_out_and_is_the_one_that_opens(page: Page, elsewhere: Page, complaints) -> None:
    complaints.expect("status of 401")
    log_in(page)
    page.goto("/account")

    page.get_by_label("Current password").fill(demo.PASSWORD)
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change password").click()

    expect(page.get_by_role("status")).to_have_text("Your password is changed. All other devices are signed out.")
    is_signed_out(elsewhere)
    fill_in_login(elsewhere)
    sign_in_button(elsewhere).click()
    expect(elsewhere.get_by_role("alert")).to_be_visible()
    log_in(elsewhere, password=NEW_PASSWORD)


def test_a_password_that_does_not_do_is_told_beside_its_field(page: Page, complaints) -> None:
    complaints.expect("status of 422")
    log_in(page)
    page.goto("/account")
    page.get_by_label("Current password").fill("not the password")
    page.get_by_label("New password").fill(NEW_PASSWORD)

    page.get_by_role("button", name="Change password").click()

    current = page.get_by_label("Current password")
    expect(current).to_have_accessible_description("This is not your current password.")
    expect(current).to_be_focused()
