"""A forgotten password: whoever reads the mail of an account's address gets it back, and nobody else learns of it."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import select
from webtest import TestApp

from observing import everything_stored, form_to, headers_of, text_of
from shopapp.accounts.models import AccountLink, User
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, Mailbox, link_of, log_in

DEMO, OLD, NEW = "demo@example.com", "correct horse battery", "walnut plume arrow"

NewVisitor = Callable[[], TestApp]


def ask(browser: TestApp, email: str = DEMO, status: int = 202) -> Any:
    return browser.post("/password/forgotten", {"email": email}, headers=JSON, status=status)


def asked_link(browser: TestApp, mailbox: Mailbox) -> str:
    ask(browser)
    return link_of(mailbox.last())


def reset(browser: TestApp, link: str, new: str = NEW, status: int = 200) -> Any:
    fields = {"token": link.partition("token=")[2], "new_password": new}
    return browser.post("/password/reset", fields, headers=JSON, status=status)


def is_in(browser: TestApp) -> bool:
    return browser.get("/account", headers=JSON, status="*").status_int == 200


def opens(new_visitor: NewVisitor, password: str, email: str = DEMO) -> bool:
    fields = {"email": email, "password": password}
    return new_visitor().post("/login", fields, headers=JSON, status="*").status_int == 200


@pytest.fixture
def in_sql(shop_app: Any) -> Any:
    """A transaction of its own on the shop's database."""
    return shop_app.registry["shopapp.sessionmaker"].begin


def test_a_person_comes_back_by_the_form_and_the_mail(
    visitor: TestApp, mailbox: Mailbox, new_visitor: NewVisitor
) -> None:
    form = form_to(visitor.get("/login").click("Forgotten your password"), "/password/forgotten")
    form["email"] = " DEMO@example.com"
    assert "Look into your mail" in text_of(form.submit(status=202))

    form = form_to(visitor.get(link_of(mailbox.last())), "/password/reset")
    form["new_password"] = NEW
    page = form.submit(status=303).follow()

    assert "Your password is changed" in text_of(page)
    form_to(page, "/login")
    assert visitor.cookies == {}
    assert (opens(new_visitor, OLD), opens(new_visitor, NEW)) == (False, True)


def test_all_sessions_of_the_person_end_and_nobody_is_signed_in(
    visitor: TestApp, customer: TestApp, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    """ASVS 7.4.3, and 6.4.3: the link stands in for no sign-in."""
    phone, stranger = new_visitor(), new_visitor()
    log_in(phone)
    stranger.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)
    link = asked_link(stranger, mailbox)

    reset(stranger, link)

    assert [is_in(each) for each in (customer, phone, stranger)] == [False] * 3
    assert stranger.get("/cart", headers=JSON).json["count"] == 1


def test_it_ends_the_persons_own_session_in_the_browser_of_the_link_too(customer: TestApp, mailbox: Mailbox) -> None:
    link = asked_link(customer, mailbox)
    form = form_to(customer.get(link), "/password/reset")
    form["new_password"] = NEW

    page = form.submit(status=303).follow()

    assert "Your password is changed" in text_of(page)
    assert not is_in(customer)


def test_the_person_is_told_by_mail(visitor: TestApp, mailbox: Mailbox) -> None:
    reset(visitor, asked_link(visitor, mailbox))

    assert "is changed" in mailbox.last()["Subject"]
    assert mailbox.last()["To"] == DEMO


class TestNobodyLearnsWhoHasAnAccount:
    def test_the_answer_and_its_statements_are_the_same_for_every_address(self, visitor: TestApp, in_sql: Any) -> None:
        """ASVS 6.3.8."""
        from sqlalchemy import Engine, event

        with in_sql() as dbsession:
            off = User(email="off@example.com", name="Off", password_hash="", disabled_at=datetime.now(UTC))
            dbsession.add(off)
        ask(visitor)
        sent: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            sent.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        try:
            seen = []
            for email in (DEMO, "nobody@example.com", "off@example.com"):
                sent.clear()
                response = ask(visitor, email)
                seen.append((response.status, response.text, headers_of(response), list(sent)))
        finally:
            event.remove(Engine, "before_cursor_execute", note)

        assert seen[0] == seen[1] == seen[2]
        assert len(seen[0][3]) == 1

    def test_only_who_has_an_account_gets_a_mail(self, visitor: TestApp, mailbox: Mailbox, in_sql: Any) -> None:
        ask(visitor, "nobody@example.com")
        with in_sql() as dbsession:
            dbsession.scalars(select(User)).one().disabled_at = datetime.now(UTC)
        ask(visitor)

        assert mailbox.letters() == []

    @pytest.mark.parametrize("email", ["", "demo", "a@" + "b" * 300, "demo@example.com\nBcc: x@example.com"])
    def test_what_is_no_address_is_said_to_be_none(self, visitor: TestApp, email: str) -> None:
        assert "email" in ask(visitor, email, status=422).json["error"]["fields"]
        form_to(visitor.post("/password/forgotten", {"email": email}, status=422), "/password/forgotten")


class TestTheLink:
    def test_it_is_good_once(self, visitor: TestApp, mailbox: Mailbox, new_visitor: NewVisitor) -> None:
        """ASVS 6.4.1."""
        link = asked_link(visitor, mailbox)
        reset(visitor, link)

        reset(visitor, link, "copper kettle arrow", status=404)

        page = visitor.get(link, status=404)
        assert page.html.find("main").find("a", href="/password/forgotten")
        assert opens(new_visitor, NEW)

    def test_it_is_good_for_an_hour(self, visitor: TestApp, mailbox: Mailbox) -> None:
        link = asked_link(visitor, mailbox)

        with time_machine.travel(timedelta(minutes=59)):
            visitor.get(link, status=200)
        with time_machine.travel(timedelta(minutes=61)):
            visitor.get(link, status=404)
            reset(visitor, link, status=404)

    def test_a_password_that_will_not_do_does_not_use_it_up(self, visitor: TestApp, mailbox: Mailbox) -> None:
        link = asked_link(visitor, mailbox)

        for weak, said in (("seven 7", "at least 8"), ("password1", "many people"), ("democustomer1990", "your name")):
            assert said in reset(visitor, link, weak, status=422).json["error"]["fields"]["new_password"]
            form = form_to(visitor.get(link), "/password/reset")
            form["new_password"] = weak
            page = form.submit(status=422)
            assert said in text_of(page)
            form = form_to(page, "/password/reset")
        form["new_password"] = NEW

        form.submit(status=303)

    @pytest.mark.parametrize("change", ["password", "reset", "email", "disable"])
    def test_it_is_dead_as_soon_as_the_account_changes(
        self, customer: TestApp, mailbox: Mailbox, in_sql: Any, change: str
    ) -> None:
        link = asked_link(customer, mailbox)
        if change == "password":
            fields = {"current_password": OLD, "new_password": "copper kettle arrow"}
            customer.post("/account/password", fields, headers=JSON)
        elif change == "reset":
            reset(customer, asked_link(customer, mailbox), "copper kettle arrow")
        elif change == "email":
            customer.post("/account/email", {"email": "new@example.com", "current_password": OLD}, headers=JSON)
            token = link_of(mailbox.last()).partition("token=")[2]
            customer.post("/account/email/confirm", {"token": token}, headers=JSON)
        else:
            with in_sql() as dbsession:
                dbsession.scalars(select(User)).one().disabled_at = datetime.now(UTC)

        customer.get(link, status=404)
        reset(customer, link, status=404)

    def test_to_open_it_changes_nothing_and_its_page_is_kept_nowhere(
        self, visitor: TestApp, mailbox: Mailbox, shop_redis: ObservedRedis, shop_settings: dict[str, Any],
        caplog: pytest.LogCaptureFixture,
    ) -> None:  # fmt: skip
        with caplog.at_level("DEBUG"):
            link = asked_link(visitor, mailbox)
            before = everything_stored(shop_redis, shop_settings)
            page = visitor.get(link)

            assert page.headers.getall("Referrer-Policy") == ["strict-origin"]
            assert page.headers["Cache-Control"] == "no-store"
            assert everything_stored(shop_redis, shop_settings) == before
            reset(visitor, link)
        token = link.partition("token=")[2]
        assert token not in caplog.text
        assert token not in str(before)

    def test_a_link_of_another_kind_is_not_taken(self, customer: TestApp, mailbox: Mailbox) -> None:
        customer.post("/account/email", {"email": "new@example.com", "current_password": OLD}, headers=JSON)
        other = link_of(mailbox.last())

        reset(customer, other, status=404)
        customer.post("/register/confirm", {"token": other.partition("token=")[2]}, headers=JSON, status=404)

    @pytest.mark.parametrize("token", ["", "x" * 43, "x" * 5000])
    def test_what_is_no_token_of_ours_is_404(self, visitor: TestApp, token: str) -> None:
        reset(visitor, f"token={token}", status=404)
        visitor.post("/password/reset", {"token": token, "new_password": NEW}, status=404)
        visitor.get("/password/reset", {"token": token}, status=404)

    def test_the_address_without_a_token_leads_to_the_form(self, visitor: TestApp) -> None:
        assert visitor.get("/password/reset", status=303).location == "http://localhost/password/forgotten"

    def test_of_two_who_use_it_at_once_one_does(
        self, visitor: TestApp, new_visitor: NewVisitor, mailbox: Mailbox
    ) -> None:
        link, answers = asked_link(visitor, mailbox), {}
        start = threading.Barrier(2)

        def use(new: str) -> None:
            browser = new_visitor()
            start.wait()
            answers[new] = reset(browser, link, new, status="*").status_int

        both = [threading.Thread(target=use, args=[new]) for new in (NEW, "copper kettle arrow")]
        for each in both:
            each.start()
        for each in both:
            each.join()

        assert sorted(answers.values()) == [200, 404]
        assert {new: opens(new_visitor, new) for new in answers} == {new: answers[new] == 200 for new in answers}


def test_redis_away_after_the_commit_leaves_no_session_behind_the_next_sign_in(
    customer: TestApp, new_visitor: NewVisitor, mailbox: Mailbox, shop_redis: ObservedRedis, in_sql: Any
) -> None:
    visitor = new_visitor()
    link = asked_link(visitor, mailbox)

    def fail(_command: str) -> None:
        raise RedisConnectionError("away")

    assert is_in(customer)  # it was checked just now, and is not again for a minute
    shop_redis.before = fail
    reset(visitor, link)  # it needs no session
    shop_redis.before = lambda _command: None
    assert is_in(customer)

    assert opens(new_visitor, NEW)

    assert not is_in(customer)
    with in_sql() as dbsession:
        assert not dbsession.scalars(select(User)).one().owes_sign_out
        assert dbsession.scalars(select(AccountLink)).all() == []
