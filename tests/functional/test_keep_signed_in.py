"""The tick box "keep me signed in"."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from webtest import TestApp

from observing import form_to, text_of
from shopapp.testing.shop import JSON, log_in

DAY = 24 * 60 * 60
TICKED = ["y", "1", "true", "on"]
NOT_TICKED = ["", "0", "false"]


def cookie_seconds(response: Any) -> int:
    (cookie,) = (each for each in response.headers.getall("Set-Cookie") if each.startswith("session="))
    return next(int(part[8:]) for part in cookie.split("; ") if part.startswith("Max-Age="))


def test_the_form_offers_it_and_it_is_off(visitor: TestApp) -> None:
    page = visitor.get("/login")

    assert "Keep me signed in for 30 days on this device" in text_of(page)
    assert form_to(page, "/login")["keep"].checked is False


def test_who_ticks_it_stays_signed_in_for_30_days(visitor: TestApp) -> None:
    now = datetime.now(UTC)
    form = form_to(visitor.get("/login"), "/login")
    form["email"], form["password"], form["keep"] = "demo@example.com", "correct horse battery", True

    assert cookie_seconds(form.submit()) == 30 * DAY
    with time_machine.travel(now + timedelta(days=29)):
        visitor.get("/account", headers=JSON, status=200)
    with time_machine.travel(now + timedelta(days=30, minutes=1)):
        visitor.get("/account", headers=JSON, status=401)


def test_who_does_not_is_out_after_three_hours(visitor: TestApp) -> None:
    now = datetime.now(UTC)

    assert cookie_seconds(log_in(visitor)) == 3 * 60 * 60
    with time_machine.travel(now + timedelta(hours=3, minutes=1)):
        visitor.get("/account", headers=JSON, status=401)


@pytest.mark.parametrize("keep", TICKED)
def test_what_means_ticked(visitor: TestApp, keep: str) -> None:
    assert cookie_seconds(log_in(visitor, keep=keep)) == 30 * DAY


@pytest.mark.parametrize("keep", NOT_TICKED)
def test_what_means_not_ticked(visitor: TestApp, keep: str) -> None:
    assert cookie_seconds(log_in(visitor, keep=keep)) == 3 * 60 * 60


def test_a_wrong_password_leaves_it_ticked(visitor: TestApp) -> None:
    page = visitor.post("/login", {"email": "demo@example.com", "password": "wrong", "keep": "y"}, status=401)

    assert form_to(page, "/login")["keep"].checked is True


@pytest.mark.parametrize(
    ("timeouts", "words"),
    [
        ({"kept_timeout": "604800"}, "Keep me signed in for 7 days on this device"),
        ({"kept_absolute_timeout": "86400"}, "Keep me signed in for 1 day on this device"),
        ({"kept_timeout": "50000"}, "Keep me signed in on this device"),
        ({"kept_timeout": "None", "kept_absolute_timeout": "None"}, "Keep me signed in on this device"),
    ],
)
def test_the_form_promises_what_the_settings_say(
    shop_with: Callable[[dict[str, Any]], TestApp], timeouts: dict[str, str], words: str
) -> None:
    browser = shop_with({f"redis.sessions.{name}": value for name, value in timeouts.items()})

    assert words in text_of(browser.get("/login"))
