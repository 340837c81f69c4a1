"""Who tries too often waits: guesses at passwords, mails to others, orders of guests, carts of visitors."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
import time_machine
from webtest import TestApp

from buying import fill, look, sent, set_product
from observing import form_to, text_of
from shopapp.accounts import passwords
from shopapp.accounts.hashing import PLACES
from shopapp.events import Throttled
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, Mailbox, link_of, log_in

From = Callable[[str], TestApp]
DEMO = "demo@example.com"


@pytest.fixture
def shop_settings(shop_settings: dict[str, Any]) -> dict[str, Any]:
    """Small allowances: four wrong passwords, and eight tries of an address."""
    return {
        **shop_settings,
        "shop.login_tries": "4",
        "shop.tries_per_address": "8",
        "shop.tries_per_network": "12",
        "shop.visitor_carts_per_network": "20",
    }


@pytest.fixture
def browser_from(shop_app: Any) -> From:
    """A function that returns a new browser which comes from an address."""
    return lambda address: TestApp(shop_app, extra_environ={"REMOTE_ADDR": address})


@pytest.fixture
def told(shop_app: Any) -> list[tuple[str, str]]:
    """What was throttled, and why."""
    seen: list[tuple[str, str]] = []
    shop_app.registry.registerHandler(lambda event: seen.append((event.action, event.reason)), (Throttled,))
    return seen


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The passwords that are compared with a hash from here on."""
    seen: list[bytes] = []
    quick = passwords._hasher

    class Noting:
        def verify(self, password_hash: str, password: bytes) -> bool:
            seen.append(password)
            return quick.verify(password_hash, password)

        def __getattr__(self, name: str) -> Any:
            return getattr(quick, name)

    monkeypatch.setattr(passwords, "_hasher", Noting())
    return seen


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel("2026-11-24 12:00:00+00:00", tick=False) as travel:
        yield travel


def guess(browser: TestApp, email: str = DEMO, password: str = "wrong") -> Any:
    return browser.post("/login", {"email": email, "password": password}, headers=JSON, status="*")


def statuses(browser: TestApp, times: int, email: str = DEMO) -> list[int]:
    return [guess(browser, email).status_int for _ in range(times)]


class TestLogin:
    @pytest.mark.parametrize("email", [DEMO, "nobody@example.com"])
    def test_after_some_wrong_passwords_one_waits_whether_there_is_an_account_or_not(
        self, visitor: TestApp, clock: Any, email: str, hashed: list[bytes], told: list[Any]
    ) -> None:
        assert statuses(visitor, 4, email) == [401] * 4
        refused = guess(visitor, email)

        assert (refused.status_int, refused.headers["Retry-After"]) == (429, "2")
        message = "That was tried too often. Please try again in 2 seconds."
        assert refused.json == {"error": {"code": "too_many_tries", "message": message, "fields": {}}}
        assert len(hashed) == 4
        assert told == [("login", "account")]

        clock.shift(2)
        assert guess(visitor, email).status_int == 401
        assert guess(visitor, email).headers["Retry-After"] == "4"

    def test_the_page_keeps_what_was_typed_and_says_when(self, visitor: TestApp, clock: Any) -> None:
        statuses(visitor, 4)
        form = form_to(visitor.get("/login?next=/account"), "/login")
        form["email"], form["password"] = DEMO, "correct horse battery"
        page = form.submit(status=429)

        assert page.headers["Retry-After"] == "2"
        assert "That was tried too often. Please try again in 2 seconds." in text_of(page)
        again = form_to(page, "/login")
        assert (again["email"].value, again["next"].value, again["password"].value) == (DEMO, "/account", "")
        clock.shift(2)
        again["password"] = "correct horse battery"
        assert again.submit().location == "http://localhost/account"

    def test_tries_at_the_same_time_count_each(self, browser_from: From, hashed: list[bytes]) -> None:
        barrier = threading.Barrier(16)

        def rush(number: int) -> str:
            browser = browser_from("192.0.2.1")
            barrier.wait()
            return str(guess(browser, password=f"guess {number}").json["error"]["code"])

        with ThreadPoolExecutor(16) as pool:
            answers = Counter(pool.map(rush, range(16)))

        # At a time there are fewer places to hash in, and fewer turns at Redis: who got none of these was not counted.
        assert 0 < answers["unauthorized"] + answers["busy"] <= 4
        assert answers["unauthorized"] + answers["busy"] + answers["too_many_tries"] + answers["unavailable"] == 16
        assert len(hashed) == answers["unauthorized"]
        statuses(browser_from("192.0.2.1"), 4)
        assert guess(browser_from("192.0.2.1")).status_int == 429
        assert len(hashed) <= 4

    def test_a_right_login_forgets_the_wrong_ones(self, visitor: TestApp, new_visitor: Any, clock: Any) -> None:
        for _ in range(5):
            assert statuses(visitor, 1) == [401]
            assert guess(new_visitor(), password="correct horse battery").status_int == 200

        assert statuses(visitor, 4, "other@example.com")[:3] == [401] * 3  # of the eight of the address

    def test_an_own_account_does_not_help_to_guess_at_anothers(self, visitor: TestApp, clock: Any) -> None:
        seen = []
        for number in range(12):
            seen += statuses(visitor, 1, f"victim{number}@example.com")
            log_in_again = guess(
                TestApp(visitor.app, extra_environ=visitor.extra_environ), DEMO, "correct horse battery"
            )
            assert log_in_again.status_int in (200, 429)

        assert seen == [401] * 8 + [429] * 4

    def test_the_network_around_an_address_has_an_allowance_too(
        self, browser_from: From, told: list[Any], clock: Any
    ) -> None:
        seen = [guess(browser_from(f"192.0.2.{n}"), f"x{n}@example.com").status_int for n in range(14)]

        assert seen == [401] * 12 + [429] * 2
        assert set(told) == {("login", "network")}
        assert guess(browser_from("198.51.100.1"), "y@example.com").status_int == 401

    def test_a_flood_is_a_line_of_the_log_for_each_wait_and_all_of_it_is_counted(
        self, visitor: TestApp, clock: Any, told: list[Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", "shopapp.audit")
        statuses(visitor, 20)

        lines = [record.getMessage() for record in caplog.records if "Throttled" in record.getMessage()]
        assert [line.rpartition("=")[2] for line in lines] == ["account", "address"]
        assert lines[0] == "event=Throttled address=192.0.2.1 action=login reason=account"
        assert len(told) == 16

    def test_a_flood_from_one_place_does_not_keep_the_owner_out_elsewhere(self, browser_from: From, clock: Any) -> None:
        statuses(browser_from("203.0.113.9"), 50)

        assert guess(browser_from("198.51.100.1"), password="correct horse battery").status_int == 200

    def test_a_flood_from_everywhere_does_not_keep_a_known_device_out(
        self, visitor: TestApp, browser_from: From, clock: Any, told: list[Any]
    ) -> None:
        log_in(visitor)
        visitor.post("/logout")
        for number in range(45):
            guess(browser_from(f"203.0.{number}.9"))
        statuses(visitor, 12, "x@example.com")  # and from the very same address
        assert guess(browser_from("198.51.100.1"), password="correct horse battery").status_int == 429
        told.clear()

        assert statuses(visitor, 4) == [401] * 4
        assert guess(visitor).status_int == 429
        assert told == [("login", "device")]
        clock.shift(2)
        assert guess(visitor, password="correct horse battery").status_int == 200

    def test_a_cookie_that_was_made_up_is_no_known_device(self, visitor: TestApp, clock: Any) -> None:
        statuses(visitor, 4)
        visitor.set_cookie("device", f"{'A' * 22}.{'0' * 48}")

        assert guess(visitor).status_int == 429

    def test_the_other_device_of_another_account_is_none_of_this(
        self, visitor: TestApp, browser_from: From, clock: Any
    ) -> None:
        log_in(visitor)
        visitor.post("/logout")

        assert statuses(visitor, 6, "victim@example.com") == [401] * 4 + [429] * 2

    def test_redis_holds_neither_addresses_of_mail_nor_of_networks(
        self, visitor: TestApp, shop_redis: ObservedRedis
    ) -> None:
        guess(visitor, "somebody@example.com")

        keys = shop_redis.keys()
        assert len(keys) == 4
        stored = b" ".join(keys + [text for key in keys for pair in shop_redis.hgetall(key).items() for text in pair])
        assert all(key.startswith(b"throttle:{") and 0 < shop_redis.ttl(key) <= 3600 for key in keys)
        assert not any(word in stored for word in (b"somebody", b"example", b"192.0.2"))

    def test_nothing_is_hashed_while_redis_is_away(
        self, visitor: TestApp, shop_redis: ObservedRedis, hashed: list[bytes]
    ) -> None:
        def fail(_command: str) -> None:
            raise redis.ConnectionError("gone")

        shop_redis.before = fail

        assert guess(visitor, password="correct horse battery").json["error"]["code"] == "unavailable"
        assert hashed == []

    def test_no_place_to_hash_is_told_apart_from_a_wrong_password(
        self, visitor: TestApp, monkeypatch: pytest.MonkeyPatch, told: list[Any]
    ) -> None:
        monkeypatch.setattr("shopapp.accounts.hashing.WAIT_SECONDS", 0.01)
        PLACES._taken += PLACES.at_once
        try:
            busy = guess(visitor, password="correct horse battery")
            page = visitor.post("/login", {"email": DEMO, "password": "correct horse battery"}, status=503)
        finally:
            PLACES._taken -= PLACES.at_once

        assert (busy.status_int, busy.json["error"]["code"], busy.headers["Retry-After"]) == (503, "busy", "2")
        assert "Too many people are signing in" in text_of(page)
        assert form_to(page, "/login")["email"].value == DEMO
        assert told == [("login", "busy")] * 2
        assert guess(visitor, password="correct horse battery").status_int == 200


class TestSignedIn:
    @pytest.mark.parametrize(
        ("path", "fields"),
        [
            ("/account/password", {"new_password": "walnut plume arrow"}),
            ("/account/email", {"email": "new@example.com"}),
        ],
    )
    def test_whoever_finds_a_browser_signed_in_cannot_guess_on(
        self, customer: TestApp, clock: Any, path: str, fields: dict[str, str], told: list[Any]
    ) -> None:
        def send(password: str) -> int:
            return customer.post(path, {**fields, "current_password": password}, headers=JSON, status="*").status_int

        assert [send("wrong") for _ in range(6)] == [422] * 4 + [429] * 2
        assert told == [("password", "person")] * 2
        assert "That was tried too often" in customer.post(path, {**fields, "current_password": "x"}, status=429)
        clock.shift(2)
        assert send("correct horse battery") < 300

    def test_a_thief_of_the_session_does_not_keep_its_owner_from_changing_the_password(
        self, customer: TestApp, browser_from: From, clock: Any, told: list[Any]
    ) -> None:
        other = browser_from("198.51.100.7")
        log_in(other)
        thief = browser_from("203.0.113.9")
        for cookie in customer.cookiejar:
            if cookie.name != "device":
                thief.cookiejar.set_cookie(cookie)

        def change(browser: TestApp, password: str, new: str) -> int:
            fields = {"current_password": password, "new_password": new}
            return browser.post("/account/password", fields, headers=JSON, status="*").status_int

        assert [change(thief, "wrong", "walnut plume arrow") for _ in range(6)] == [422] * 4 + [429] * 2
        assert told == [("password", "person")] * 2
        assert [change(other, "wrong", "walnut plume arrow") for _ in range(3)] == [422] * 3
        assert change(customer, "correct horse battery", "walnut plume arrow") == 200

    def test_all_sessions_of_a_person_together_have_ten_times_as_much(
        self, browser_from: From, clock: Any, told: list[Any]
    ) -> None:
        fields = {"current_password": "wrong", "new_password": "walnut plume arrow"}
        seen = []
        for number in range(11):
            browser = browser_from(f"198.51.{number}.7")
            log_in(browser)
            seen += [browser.post("/account/password", fields, headers=JSON, status="*").status_int for _ in range(4)]

        assert seen == [422] * 40 + [429] * 4

    def test_nobody_else_uses_up_what_a_person_has(self, customer: TestApp, browser_from: From, clock: Any) -> None:
        for number in range(45):
            guess(browser_from(f"203.0.{number}.9"))

        fields = {"current_password": "correct horse battery", "new_password": "walnut plume arrow"}
        assert customer.post("/account/password", fields, headers=JSON).status_int == 200


class TestMail:
    @pytest.mark.parametrize("email", [DEMO, "nobody@example.com"])
    def test_nobody_has_a_mailbox_filled_by_our_forms(
        self, browser_from: From, mailbox: Mailbox, clock: Any, email: str, told: list[Any]
    ) -> None:
        fields = {"email": email, "name": "Ann", "password": "walnut plume arrow"}

        def ask(number: int) -> Any:
            path = "/register" if number % 2 else "/password/forgotten"
            return browser_from(f"203.0.{number}.9").post(path, fields, headers=JSON, status="*")

        answers = [ask(number) for number in range(13)]

        assert [answer.status_int for answer in answers] == [202] * 10 + [429] * 3
        assert [answer.headers["Retry-After"] for answer in answers[10:]] == ["60"] * 3
        assert told == [("forgotten", "mail"), ("register", "mail"), ("forgotten", "mail")]
        assert len(mailbox.letters()) == (10 if email == DEMO else 5)

    def test_one_address_has_no_mails_sent_to_everybody(self, visitor: TestApp, clock: Any, told: list[Any]) -> None:
        def ask(number: int) -> int:
            fields = {"email": f"x{number}@example.com"}
            return visitor.post("/password/forgotten", fields, headers=JSON, status="*").status_int

        assert [ask(number) for number in range(10)] == [202] * 8 + [429] * 2
        page = visitor.post("/password/forgotten", {"email": "y@example.com"}, status=429)
        assert "in 2 seconds" in text_of(page)
        page = visitor.post(
            "/register", {"email": "y@example.com", "name": "Y", "password": "walnut plume"}, status=429
        )
        assert form_to(page, "/register")["name"].value == "Y"

    def test_one_account_has_no_links_sent_to_everybody(self, customer: TestApp, clock: Any, told: list[Any]) -> None:
        def ask(number: int) -> int:
            fields = {"email": f"x{number}@example.com", "current_password": "correct horse battery"}
            return customer.post("/account/email", fields, headers=JSON, status="*").status_int

        assert [ask(number) for number in range(7)] == [202] * 5 + [429] * 2
        assert told == [("email", "person")] * 2

    def test_links_to_new_addresses_count_for_where_they_are_asked_from(
        self, customer: TestApp, clock: Any, told: list[Any]
    ) -> None:
        for number in range(8):
            customer.post("/password/forgotten", {"email": f"x{number}@example.com"})
        fields = {"email": "new@example.com", "current_password": "correct horse battery"}

        assert "That was tried too often" in customer.post("/account/email", fields, status=429)
        assert told == [("email", "address")]

    def test_letters_of_other_forms_keep_nobody_from_a_new_password(
        self, visitor: TestApp, browser_from: From, clock: Any
    ) -> None:
        fields = {"email": DEMO, "name": "Ann", "password": "walnut plume arrow"}
        for number in range(8):
            browser_from(f"203.0.{number}.9").post("/register", fields, status="*")

        assert visitor.post("/password/forgotten", {"email": DEMO}, headers=JSON).status_int == 202

    def test_a_known_device_has_a_link_sent_whatever_others_ask_for(
        self, visitor: TestApp, browser_from: From, clock: Any, told: list[Any]
    ) -> None:
        log_in(visitor)
        visitor.post("/logout")
        for number in range(8):
            browser_from(f"203.0.{number}.9").post("/password/forgotten", {"email": DEMO}, status="*")

        def ask(browser: TestApp, email: str = DEMO) -> int:
            return browser.post("/password/forgotten", {"email": email}, headers=JSON, status="*").status_int

        assert ask(browser_from("198.51.100.1")) == 429
        told.clear()
        assert [ask(visitor) for _ in range(6)] == [202] * 4 + [429] * 2
        assert told == [("forgotten", "device")] * 2
        assert [ask(visitor, "other@example.com") for _ in range(6)][-1] == 429

    def test_the_owner_of_an_address_that_others_ask_for_has_a_link_that_works(
        self, visitor: TestApp, browser_from: From, mailbox: Mailbox, clock: Any
    ) -> None:
        for number in range(10):
            browser_from(f"203.0.{number}.9").post("/password/forgotten", {"email": DEMO}, status="*")
        token = link_of(mailbox.last()).partition("token=")[2]

        visitor.post("/password/reset", {"token": token, "new_password": "walnut plume arrow"}, headers=JSON)
        log_in(visitor, password="walnut plume arrow")


class TestGuests:
    def test_guests_of_one_address_order_so_much_and_no_more_and_lose_nothing(
        self, browser_from: From, clock: Any, told: list[Any]
    ) -> None:
        def order() -> tuple[TestApp, Any]:
            guest = browser_from("192.0.2.1")
            fill(guest, quantity=1)
            return guest, guest.post("/checkout", sent(look(guest)), headers=JSON, status="*")

        answers = [order() for _ in range(9)]

        assert [answer.status_int for _, answer in answers] == [201] * 8 + [429]
        assert told == [("checkout", "address")]
        guest = answers[-1][0]
        page = guest.post("/checkout", sent(look(guest)), status=429)
        assert "That was tried too often" in text_of(page)
        assert form_to(page, "/checkout")["street"].value == "1 Harbour Road"
        clock.shift(4)
        assert guest.post("/checkout", sent(look(guest)), headers=JSON).status_int == 201

    def test_nobody_has_a_mailbox_filled_by_orders_of_guests(
        self, browser_from: From, shop_settings: dict[str, Any], clock: Any, told: list[Any]
    ) -> None:
        set_product(shop_settings, stock=50)

        def order(number: int, email: str) -> int:
            guest = browser_from(f"203.0.{number}.9")
            fill(guest, quantity=1)
            return guest.post("/checkout", sent(look(guest), email=email), headers=JSON, status="*").status_int

        spelt = ["victim@example.com", "Victim@Example.com"]
        assert [order(number, spelt[number % 2]) for number in range(12)] == [201] * 10 + [429] * 2
        assert told == [("checkout", "mail")] * 2
        assert order(12, "other@example.com") == 201


class TestCartsOfVisitors:
    def test_thousands_of_hits_without_a_cookie_fill_redis_no_further_than_the_setting(
        self, shop_app: Any, shop_redis: ObservedRedis, clock: Any, told: list[Any]
    ) -> None:
        def hit(number: int) -> Any:
            browser = TestApp(shop_app, extra_environ={"REMOTE_ADDR": f"203.0.113.{number % 250}"})
            return browser.post("/cart/items", {"sku": "brass-pen"}, headers=JSON, status="*")

        answers = [hit(number) for number in range(200)]

        assert Counter(answer.status_int for answer in answers) == {200: 20, 429: 180}
        assert answers[-1].headers["Retry-After"] == "180"
        assert answers[-1].json["error"]["message"] == "That was tried too often. Please try again in 3 minutes."
        assert len(shop_redis.keys("session:*")) == 20
        assert len(shop_redis.keys()) == 41
        assert set(told) == {("cart", "network")}

    def test_who_has_a_cart_fills_it_and_others_are_not_kept_out(self, browser_from: From, clock: Any) -> None:
        first = browser_from("203.0.113.1")
        fill(first)
        for _ in range(25):
            browser_from("203.0.113.2").post("/cart/items", {"sku": "brass-pen"}, status="*")

        assert first.post("/cart/items", {"sku": "brass-pen"}, headers=JSON).json["count"] == 3
        fill(browser_from("198.51.100.1"))
        page = browser_from("203.0.113.3").post("/cart/items", {"sku": "brass-pen"}, status=429)
        assert "That was tried too often" in text_of(page)

    def test_what_is_typed_into_a_checkout_without_a_cookie_is_bounded_too(
        self, browser_from: From, shop_redis: ObservedRedis, clock: Any
    ) -> None:
        for _ in range(30):
            browser_from("203.0.113.1").post("/checkout", {"then": "sign-in", "name": "Ann"}, status="*")

        assert len(shop_redis.keys("session:*")) == 20

    def test_it_costs_one_round_trip_where_a_cart_begins_and_none_after(
        self, visitor: TestApp, shop_redis: ObservedRedis
    ) -> None:
        visitor.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)
        begun = [name for name in shop_redis.commands if name == "EVALSHA"]
        shop_redis.commands.clear()
        visitor.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)

        assert len(shop_redis.commands) == 2
        assert len(begun) >= 2
