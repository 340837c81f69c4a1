"""The devices a person is signed in on: seen and signed out, by that person alone."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from webob import Request
from webtest import TestApp

from observing import cookie_of, everything_stored, form_to, text_of
from shopapp.accounts.passwords import hash_password
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"

NewVisitor = Callable[[], TestApp]


@pytest.fixture
def phone(new_visitor: NewVisitor) -> TestApp:
    """The demo customer's phone, signed in."""
    browser = new_visitor()
    browser.extra_environ.update({"HTTP_USER_AGENT": IPHONE, "REMOTE_ADDR": "198.51.100.7"})
    log_in(browser)
    return browser


@pytest.fixture
def neighbour(new_visitor: NewVisitor, database: sqlite3.Connection) -> TestApp:
    """Somebody else, signed in."""
    database.execute(
        'INSERT INTO "user" (email, name, password_hash, created_at) VALUES (?, ?, ?, ?)',
        ("eve@example.com", "Eve", hash_password("another password"), "2026-01-01 00:00:00"),
    )
    browser = new_visitor()
    log_in(browser, email="eve@example.com", password="another password")
    return browser


def sessions_of(browser: TestApp) -> list[dict[str, Any]]:
    return browser.get("/account/sessions", headers=JSON).json["sessions"]


def handle_of(browser: TestApp) -> str:
    return next(each["handle"] for each in sessions_of(browser) if each["current"])


def assert_signed_out(browser: TestApp) -> None:
    browser.get("/account", headers=JSON, status=401)


def assert_signed_in(browser: TestApp) -> None:
    browser.get("/account", headers=JSON, status=200)


class TestList:
    def test_it_names_device_address_and_times(self, visitor: TestApp, phone: TestApp) -> None:
        visitor.extra_environ["HTTP_USER_AGENT"] = WINDOWS
        before = datetime.now(UTC).replace(microsecond=0)
        log_in(visitor)

        here, there = sessions_of(visitor)

        assert set(here) == {"handle", "current", "created_at", "last_used_at", "address", "device"}
        assert (here["current"], here["device"], here["address"]) == (True, "Firefox on Windows", "192.0.2.1")
        assert (there["current"], there["device"], there["address"]) == (False, "Safari on iPhone", "198.51.100.7")
        for name in ("created_at", "last_used_at"):
            at = datetime.fromisoformat(here[name])
            assert at.utcoffset() == timedelta(0)
            assert before <= at <= datetime.now(UTC)

    def test_this_device_comes_first_then_the_one_used_last(self, new_visitor: NewVisitor) -> None:
        now = datetime.now(UTC)
        browsers = [new_visitor() for _ in range(3)]
        for minutes, browser in enumerate(browsers):
            with time_machine.travel(now + timedelta(minutes=minutes), tick=False):
                log_in(browser)
        with time_machine.travel(now + timedelta(minutes=3), tick=False):
            first, second, third = (handle_of(browser) for browser in browsers)
            listed = [each["handle"] for each in sessions_of(browsers[0])]

        assert listed == [first, third, second]

    def test_the_page_says_which_one_this_is(self, customer: TestApp, phone: TestApp) -> None:
        page = customer.get("/account/sessions")

        assert text_of(page).count("This device") == 1
        assert "Unknown device This device" in text_of(page)
        assert "Safari on iPhone" in text_of(page)
        assert "198.51.100.7" in text_of(page)
        assert "UTC" in text_of(page)

    def test_a_browser_cannot_write_into_the_page(self, customer: TestApp, new_visitor: NewVisitor) -> None:
        other = new_visitor()
        other.extra_environ["HTTP_USER_AGENT"] = "<script>alert(1)</script>/5.0 (Windows NT 10.0) Firefox/1 <b>"
        log_in(other)

        assert "<script>" not in customer.get("/account/sessions").text  # ours has a src

    def test_no_session_id_is_shown(self, customer: TestApp) -> None:
        cookie = customer.cookies["session"]
        shown = customer.get("/account/sessions").text + customer.get("/account/sessions", headers=JSON).text

        assert not any(part in shown for part in cookie.split(".") if len(part) > 8)

    def test_nobody_elses_are_in_it(self, customer: TestApp, neighbour: TestApp) -> None:
        assert len(sessions_of(customer)) == 1
        assert len(sessions_of(neighbour)) == 1

    def test_visitors_are_not_in_it(self, customer: TestApp, visitor: TestApp, new_visitor: NewVisitor) -> None:
        new_visitor().post("/cart/items", {"sku": "brass-pen"}, headers=JSON)

        assert len(sessions_of(customer)) == 1

    def test_the_account_leads_to_it(self, customer: TestApp) -> None:
        assert "Where you are signed in" in customer.get("/account").click("Where you are signed in")

    def test_it_costs_two_round_trips_beyond_the_session(self, customer: TestApp, shop_redis: ObservedRedis) -> None:
        shop_redis.commands.clear()

        customer.get("/account/sessions", headers=JSON)

        assert shop_redis.commands == ["PIPELINE", "ZRANGE", "PIPELINE"]


class TestEndOne:
    def test_another_device_is_signed_out(self, customer: TestApp, phone: TestApp) -> None:
        page = customer.get("/account/sessions")
        response = form_to(page, f"/account/sessions/{handle_of(phone)}/end").submit()

        assert (response.status_int, response.location) == (303, "http://localhost/account/sessions")
        assert "That device is signed out." in text_of(response.follow())
        assert "You are signed in nowhere else." in text_of(customer.get("/account/sessions"))
        assert_signed_out(phone)
        assert_signed_in(customer)

    def test_json_answers_the_new_list(self, customer: TestApp, phone: TestApp) -> None:
        response = customer.post(f"/account/sessions/{handle_of(phone)}/end", headers=JSON)

        assert [each["current"] for each in response.json["sessions"]] == [True]
        assert_signed_out(phone)

    def test_this_device_is_a_logout(self, customer: TestApp, phone: TestApp) -> None:
        copied = cookie_of(customer)

        response = customer.post(f"/account/sessions/{handle_of(customer)}/end")

        assert (response.status_int, response.location) == (303, "http://localhost/logout")
        assert set(customer.cookies) == {"device"}
        phone.get("/account", headers=JSON, status=200)
        assert len(sessions_of(phone)) == 1
        customer.get("/account", headers={**JSON, **copied}, status=401)

    def test_this_device_is_a_logout_in_json_too(self, customer: TestApp) -> None:
        customer.post(f"/account/sessions/{handle_of(customer)}/end", headers=JSON, status=204)

        assert_signed_out(customer)

    def test_somebody_elses_stays(self, customer: TestApp, neighbour: TestApp) -> None:
        response = neighbour.post(f"/account/sessions/{handle_of(customer)}/end", headers=JSON, status=404)

        assert response.json["error"]["code"] == "not_found"
        neighbour.post(f"/account/sessions/{handle_of(customer)}/end", status=404)
        assert_signed_in(customer)

    def test_a_second_time_it_is_not_there(self, customer: TestApp, phone: TestApp) -> None:
        address = f"/account/sessions/{handle_of(phone)}/end"
        customer.post(address, status=303)

        assert "not any more" in customer.post(address, status=404)

    @pytest.mark.parametrize(
        "handle",
        [
            *("0" * 32, "%00", "user:1", "..", "*", "-1", "%F0%9F%A6%8A", "%0d%0aX: y"),
            pytest.param(
                "a" * 1_000_000, marks=pytest.mark.not_on("granian", reason="it answers 431 itself, as waitress does")
            ),
        ],
    )
    def test_rubbish_is_not_found(
        self,
        customer: TestApp,
        phone: TestApp,
        handle: str,
        shop_redis: ObservedRedis,
        shop_settings: dict[str, Any],
    ) -> None:
        before = everything_stored(shop_redis, shop_settings)

        customer.post(f"/account/sessions/{handle}/end", headers=JSON, status=404)

        assert everything_stored(shop_redis, shop_settings) == before

    def test_bad_utf8_is_refused(self, customer: TestApp) -> None:
        request = Request.blank("/account/sessions/%FF/end", method="POST", headers={**JSON, **cookie_of(customer)})

        assert request.get_response(customer.app).status_int == 400


class TestEndOthers:
    def test_all_others_are_signed_out(self, customer: TestApp, phone: TestApp, new_visitor: NewVisitor) -> None:
        third = new_visitor()
        log_in(third)

        response = form_to(customer.get("/account/sessions"), "/account/sessions/end-others").submit()

        assert (response.status_int, response.location) == (303, "http://localhost/account/sessions")
        page = response.follow()
        assert "You are signed out everywhere else." in text_of(page)
        assert "Sign out everywhere else" not in page
        assert_signed_in(customer)
        assert_signed_out(phone)
        assert_signed_out(third)

    def test_json_answers_the_new_list(self, customer: TestApp, phone: TestApp) -> None:
        response = customer.post("/account/sessions/end-others", headers=JSON)

        assert [each["current"] for each in response.json["sessions"]] == [True]

    def test_it_may_be_sent_again(self, customer: TestApp) -> None:
        customer.post("/account/sessions/end-others", status=303)
        customer.post("/account/sessions/end-others", status=303)

        assert_signed_in(customer)

    def test_nobody_elses_end(self, customer: TestApp, neighbour: TestApp) -> None:
        neighbour.post("/account/sessions/end-others", status=303)

        assert_signed_in(customer)


class TestWhoMay:
    def test_a_visitor_is_sent_to_sign_in(self, visitor: TestApp) -> None:
        response = visitor.get("/account/sessions", status=303)

        assert response.location == "http://localhost/login?next=%2Faccount%2Fsessions"
        visitor.get("/account/sessions", headers=JSON, status=401)

    @pytest.mark.parametrize("path", ["/account/sessions/{}/end", "/account/sessions/end-others"])
    def test_a_visitor_ends_nothing(self, customer: TestApp, new_visitor: NewVisitor, path: str) -> None:
        address = path.format(handle_of(customer))

        new_visitor().post(address, headers=JSON, status=401)
        new_visitor().post(address, status=303)

        assert_signed_in(customer)

    @pytest.mark.parametrize("path", ["/account/sessions/{}/end", "/account/sessions/end-others"])
    @pytest.mark.parametrize(
        "headers",
        [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}],
    )
    def test_another_site_ends_nothing(
        self, customer: TestApp, phone: TestApp, path: str, headers: dict[str, str]
    ) -> None:
        customer.post(path.format(handle_of(phone)), headers=headers, status=403)

        assert_signed_in(phone)

    @pytest.mark.parametrize("path", ["/account/sessions/{}/end", "/account/sessions/end-others"])
    def test_a_link_ends_nothing_and_leads_to_the_list(self, customer: TestApp, phone: TestApp, path: str) -> None:
        response = customer.get(path.format(handle_of(phone)), status=303)

        assert response.location == "http://localhost/account/sessions"

        assert_signed_in(phone)
