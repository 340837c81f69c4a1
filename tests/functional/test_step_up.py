"""Ending other sessions asks for the password again, if it was shown too long ago."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from webtest import TestApp

from observing import form_to, text_of
from shopapp.testing.shop import JSON, log_in

RIGHT = "correct horse battery"
OTHERS = "/account/sessions/end-others"


@pytest.fixture
def clock() -> Iterator[Any]:
    """A day at noon, on which the customer signs in."""
    with time_machine.travel("2026-11-24 12:00:00+00:00", tick=False) as travel:
        yield travel


@pytest.fixture
def customer(clock: Any, visitor: TestApp) -> TestApp:
    """The demo customer, signed in just now, with a cart from before."""
    visitor.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)
    clock.shift(3000)
    log_in(visitor)
    return visitor


@pytest.fixture
def phone(customer: TestApp, new_visitor: Callable[[], TestApp]) -> TestApp:
    """Their other device."""
    browser = new_visitor()
    log_in(browser)
    return browser


def is_in(browser: TestApp) -> bool:
    return browser.get("/account", headers=JSON, status="*").status_int == 200


def paths(customer: TestApp) -> list[str]:
    """The addresses that end the other device's session, alone and with all others."""
    listed = customer.get("/account/sessions", headers=JSON).json["sessions"]
    (other,) = (each["handle"] for each in listed if not each["current"])
    return [f"/account/sessions/{other}/end", OTHERS]


@pytest.mark.parametrize("which", [0, 1])
def test_for_ten_minutes_after_the_login_nothing_is_asked_and_then_the_password(
    customer: TestApp, phone: TestApp, clock: Any, which: int
) -> None:
    path = paths(customer)[which]
    clock.shift(601)

    refused = customer.post(path, headers=JSON, status=403)
    assert refused.json["error"]["code"] == "password_needed"
    assert is_in(phone)

    assert customer.post(path, {"current_password": RIGHT}, headers=JSON).json["sessions"]
    assert not is_in(phone)
    assert is_in(customer)


def test_a_proof_of_the_future_is_none_and_one_of_now_is_good(customer: TestApp, phone: TestApp, clock: Any) -> None:
    clock.shift(-900)

    customer.post(OTHERS, headers=JSON, status=403)
    customer.post(OTHERS, {"current_password": RIGHT}, headers=JSON)

    assert not is_in(phone)
    customer.post(OTHERS, headers=JSON)


@pytest.mark.parametrize("which", [0, 1])
def test_the_page_asks_and_goes_on_with_what_was_wanted(
    customer: TestApp, phone: TestApp, clock: Any, which: int
) -> None:
    path = paths(customer)[which]
    clock.shift(601)
    page = form_to(customer.get("/account/sessions"), path).submit(status=403)
    assert "Your password, please" in text_of(page)

    form = form_to(page, path)
    form["current_password"] = "wrong"
    page = form.submit(status=422)
    assert "This is not your password." in text_of(page)
    assert is_in(phone)

    form = form_to(page, path)
    assert form["current_password"].value == ""
    form["current_password"] = RIGHT
    assert form.submit().location == "http://localhost/account/sessions"
    assert not is_in(phone)


def test_whoever_has_shown_it_is_not_asked_again_for_ten_minutes(customer: TestApp, phone: TestApp, clock: Any) -> None:
    for seconds in (601, 599):
        clock.shift(seconds)
        fields = {"current_password": RIGHT} if seconds == 601 else {}
        customer.post(OTHERS, fields, headers=JSON)
    clock.shift(2)
    customer.post(OTHERS, headers=JSON, status=403)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/account/password", {"new_password": "walnut plume arrow"}),
        ("/account/email", {"email": "new@example.com"}),
    ],
)
def test_to_change_password_or_address_shows_the_password_too(
    customer: TestApp, clock: Any, path: str, fields: dict[str, str]
) -> None:
    clock.shift(601)
    customer.post(path, {**fields, "current_password": "wrong"}, headers=JSON, status=422)
    customer.post(OTHERS, headers=JSON, status=403)
    customer.post(path, {**fields, "current_password": RIGHT}, headers=JSON)

    assert customer.post(OTHERS, headers=JSON).status_int == 200


def test_a_wrong_password_is_no_proof_and_guesses_are_counted(customer: TestApp, phone: TestApp, clock: Any) -> None:
    clock.shift(601)
    answers = [
        customer.post(OTHERS, {"current_password": f"guess {n}"}, headers=JSON, status="*").status_int
        for n in range(12)
    ]

    assert answers == [422] * 10 + [429] * 2
    assert is_in(phone)
    assert "That was tried too often" in text_of(customer.post(OTHERS, {"current_password": "x"}, status=429))


def test_a_proof_on_one_device_is_none_on_another(customer: TestApp, phone: TestApp, clock: Any) -> None:
    clock.shift(601)
    customer.post("/account/email", {"email": "new@example.com", "current_password": RIGHT}, headers=JSON)

    phone.post(OTHERS, headers=JSON, status=403)


def test_to_sign_out_here_needs_none(customer: TestApp, clock: Any) -> None:
    (here,) = customer.get("/account/sessions", headers=JSON).json["sessions"]
    clock.shift(601)

    customer.post(f"/account/sessions/{here['handle']}/end", headers=JSON, status=204)
    assert not is_in(customer)


def test_the_setting_says_how_long(shop_with: Any, clock: Any) -> None:
    browser = shop_with({"shop.proof_seconds": "0"})
    log_in(browser)
    clock.shift(1)

    browser.post(OTHERS, headers=JSON, status=403)
