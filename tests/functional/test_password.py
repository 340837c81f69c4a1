"""Changing one's password: what is asked of the new one, and who is out afterwards."""

import sqlite3
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from webtest import TestApp

from observing import cookie_of, everything_stored, form_to, text_of
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

OLD = "correct horse battery"
NEW = "  Ein neues Paßwort, mit Leerzeichen  "

NewVisitor = Callable[[], TestApp]


def change(browser: TestApp, new: str = NEW, current: str = OLD, status: int = 200) -> Any:
    """Change the password by JSON; return the response."""
    fields = {"current_password": current, "new_password": new}
    return browser.post_json("/account/password", fields, headers=JSON, status=status)


def can_log_in(browser: TestApp, password: str) -> bool:
    response = browser.post_json(
        "/login", {"email": "demo@example.com", "password": password}, headers=JSON, expect_errors=True
    )
    return response.status_int == 200


@pytest.fixture
def other_device(new_visitor: NewVisitor) -> TestApp:
    """Another browser of the same person, signed in."""
    browser = new_visitor()
    log_in(browser)
    return browser


class TestChange:
    def test_the_new_password_opens_the_account_and_the_old_one_does_not(
        self, customer: TestApp, new_visitor: NewVisitor
    ) -> None:
        response = change(customer)

        assert response.json == {"user_id": 1, "email": "demo@example.com", "name": "Demo Customer"}
        assert not can_log_in(new_visitor(), OLD)
        assert can_log_in(new_visitor(), NEW)

    def test_it_is_taken_as_it_was_typed(self, customer: TestApp, new_visitor: NewVisitor) -> None:
        change(customer)

        for other in (NEW.strip(), NEW.lower(), NEW[:-1]):
            assert not can_log_in(new_visitor(), other)

    def test_other_devices_are_signed_out_and_this_one_is_not(self, customer: TestApp, other_device: TestApp) -> None:
        change(customer)

        customer.get("/account", headers=JSON, status=200)
        other_device.get("/account", headers=JSON, status=401)
        assert len(customer.get("/account/sessions", headers=JSON).json["sessions"]) == 1

    def test_this_device_gets_a_new_id_and_the_old_one_is_dead(
        self, customer: TestApp, new_visitor: NewVisitor
    ) -> None:
        copied = cookie_of(customer)

        change(customer)

        assert cookie_of(customer) != copied
        new_visitor().get("/account", headers={**JSON, **copied}, status=401)

    def test_the_form_leads_back_to_the_account_and_says_so(self, customer: TestApp) -> None:
        form = form_to(customer.get("/account"), "/account/password")
        form["current_password"], form["new_password"] = OLD, NEW
        response = form.submit()

        assert (response.status_int, response.location) == (303, "http://localhost/account")
        assert "Your password is changed. All other devices are signed out." in text_of(response.follow())

    @pytest.mark.parametrize(
        "new",
        ["Zr7!kq0_", "passwörter", "你好世界再见朋友们", "\t\tzebra tabs\t\t", "kettle tulip " * 9 + "bronze lamp"],
    )
    def test_any_composition_of_8_to_128_characters_will_do(
        self, customer: TestApp, new_visitor: NewVisitor, new: str
    ) -> None:
        change(customer, new)

        assert can_log_in(new_visitor(), new)

    def test_it_can_be_changed_back(self, customer: TestApp, new_visitor: NewVisitor) -> None:
        change(customer)
        change(customer, OLD, current=NEW)

        assert can_log_in(new_visitor(), OLD)


class TestRefused:
    @pytest.mark.parametrize(
        ("fields", "field", "message"),
        [
            ({}, "current_password", "enter your current"),
            ({"new_password": NEW}, "current_password", "enter your current"),
            ({"current_password": OLD}, "new_password", "enter a new"),
            ({"current_password": "wrong", "new_password": NEW}, "current_password", "not your current"),
            ({"current_password": OLD + " ", "new_password": NEW}, "current_password", "not your current"),
            ({"current_password": "x" * 1025, "new_password": NEW}, "current_password", "too long"),
            ({"current_password": OLD, "new_password": "seven 7"}, "new_password", "at least 8"),
            ({"current_password": OLD, "new_password": "x" * 129}, "new_password", "at most 128"),
            ({"current_password": OLD, "new_password": OLD}, "new_password", "the password you have"),
            ({"current_password": OLD, "new_password": "demo@example.com"}, "new_password", "e-mail"),
            ({"current_password": OLD, "new_password": " DEMO@example.com "}, "new_password", "e-mail"),
        ],
    )
    def test_what_is_wrong_is_said_beside_the_field_and_nothing_changes(
        self, customer: TestApp, other_device: TestApp, fields: dict[str, str], field: str, message: str
    ) -> None:
        response = customer.post("/account/password", fields, headers=JSON, status=422)
        page = customer.post("/account/password", fields, status=422)

        assert message in response.json["error"]["fields"][field]
        assert message in text_of(page)
        assert f'id="error-{field}"' in page
        other_device.get("/account", headers=JSON, status=200)
        assert can_log_in(customer, OLD)

    def test_no_password_comes_back_in_the_page(self, customer: TestApp) -> None:
        page = customer.post(
            "/account/password", {"current_password": "guess number one", "new_password": NEW}, status=422
        )

        assert "guess number one" not in page
        assert NEW.strip() not in page

    def test_the_same_password_from_another_keyboard_is_the_same(self, customer: TestApp) -> None:
        change(customer, unicodedata.normalize("NFC", "passwörter"))

        response = change(customer, unicodedata.normalize("NFD", "passwörter"), current="passwörter", status=422)

        assert "new_password" in response.json["error"]["fields"]

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (b"current_password=correct+horse+battery&new_password=with%00inside", "application/x-www-form-urlencoded"),
            (b"current_password=correct+horse+battery&new_password=%FF%FFabcdef", "application/x-www-form-urlencoded"),
            (b"new_password=" + b"x" * 1_000_000, "application/x-www-form-urlencoded"),
            (b'{"current_password": "correct horse battery", "new_password": ["a", "list"]}', "application/json"),
            (b'{"current_password": "correct horse battery"', "application/json"),
            (b"current_password=correct", "text/plain"),
        ],
    )
    def test_what_cannot_be_read_changes_nothing(
        self,
        customer: TestApp,
        shop_redis: ObservedRedis,
        shop_settings: dict[str, Any],
        body: bytes,
        content_type: str,
    ) -> None:
        before = everything_stored(shop_redis, shop_settings)

        headers = {**JSON, "Content-Type": content_type}
        customer.post("/account/password", body, headers=headers, status=400)

        assert everything_stored(shop_redis, shop_settings) == before

    def test_an_account_that_is_gone_has_no_password(self, customer: TestApp, database: sqlite3.Connection) -> None:
        customer.get("/account")  # its session has been checked a moment ago
        database.execute('DELETE FROM "user"')

        assert "current_password" in change(customer, status=422).json["error"]["fields"]

    def test_a_wrong_current_password_counts_as_a_failed_login(
        self, customer: TestApp, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level("INFO", logger="shopapp.audit"):
            change(customer, current="a guess", status=422)

        assert [text for text in caplog.messages if "event=UserLoginFailed" in text]
        assert "a guess" not in caplog.text


class TestWhoMay:
    def test_a_visitor_may_not(self, visitor: TestApp) -> None:
        change(visitor, status=401)
        visitor.post("/account/password", {"current_password": OLD, "new_password": NEW}, status=303)

        assert can_log_in(visitor, OLD)

    @pytest.mark.parametrize(
        "headers",
        [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}],
    )
    def test_another_site_may_not(self, customer: TestApp, headers: dict[str, str]) -> None:
        fields = {"current_password": OLD, "new_password": NEW}
        customer.post("/account/password", fields, headers=headers, status=403)

        assert can_log_in(customer, OLD)

    def test_the_address_leads_to_the_form(self, customer: TestApp) -> None:
        assert customer.get("/account/password", status=303).location == "http://localhost/account"


class TestSomebodySignsInWithTheOldPasswordMeanwhile:
    """A thief who knows it, at the very moment in which it is changed."""

    def test_a_login_that_began_before_the_change_is_refused(
        self, customer: TestApp, new_visitor: NewVisitor, shop_redis: ObservedRedis
    ) -> None:
        thief = new_visitor()

        def change_before_the_session_is_stored(command: str) -> None:
            if command == "SET":
                shop_redis.before = lambda command: None
                change(customer)

        shop_redis.before = change_before_the_session_is_stored

        assert not can_log_in(thief, OLD)
        thief.get("/account", headers=JSON, status=401)
        customer.get("/account", headers=JSON, status=200)
        assert len(customer.get("/account/sessions", headers=JSON).json["sessions"]) == 1

    def test_a_login_just_before_the_change_is_committed_is_ended(
        self, customer: TestApp, new_visitor: NewVisitor, shop_redis: ObservedRedis
    ) -> None:
        thief, came_in = new_visitor(), []
        log_in(
            thief
        )  # before, with the same device: so this sign-in writes no mail, for which SQLite would let it wait
        thief.post("/logout")

        def log_in_after_the_others_were_ended(command: str) -> None:
            if command == "EVALSHA":  # the changed session is saved
                shop_redis.before = lambda command: None
                came_in.append(can_log_in(thief, OLD))

        shop_redis.before = log_in_after_the_others_were_ended
        change(customer)

        assert came_in == [True]
        thief.get("/account", headers=JSON, status=401)
        customer.get("/account", headers=JSON, status=200)

    def test_of_two_changes_at_once_one_is_made(
        self, customer: TestApp, other_device: TestApp, new_visitor: NewVisitor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from shopapp.accounts import password_views

        def hash_while_the_other_device_changes(password: str) -> str:
            monkeypatch.undo()
            change(other_device, "the other device's choice")
            return password_views.hash_password(password)

        monkeypatch.setattr(password_views, "hash_password", hash_while_the_other_device_changes)

        change(customer, status=422)

        assert can_log_in(new_visitor(), "the other device's choice")
        assert not can_log_in(new_visitor(), NEW)
