"""Changing one's e-mail address: the password again, a link to the new address, a note to the old one."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from webtest import TestApp

from observing import everything_stored, form_to, text_of
from shopapp.accounts import letters, proving, views
from shopapp.accounts.models import User
from shopapp.accounts.passwords import hash_password
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, Mailbox, link_of, log_in

PASSWORD, NEW = "correct horse battery", "new@example.com"

NewVisitor = Callable[[], TestApp]


def ask(browser: TestApp, email: str = NEW, password: str = PASSWORD, status: int = 202) -> Any:
    fields = {"email": email, "current_password": password}
    return browser.post("/account/email", fields, headers=JSON, status=status)


def asked_link(browser: TestApp, mailbox: Mailbox, email: str = NEW) -> str:
    ask(browser, email)
    return link_of(next(letter for letter in reversed(mailbox.letters()) if letter["To"] == email))


def confirm(browser: TestApp, link: str, status: int = 200) -> Any:
    fields = {"token": link.partition("token=")[2]}
    return browser.post("/account/email/confirm", fields, headers=JSON, status=status)


def is_in(browser: TestApp) -> bool:
    return browser.get("/account", headers=JSON, status="*").status_int == 200


@pytest.fixture
def neighbour(shop_app: Any, new_visitor: NewVisitor) -> TestApp:
    """Another person's browser, signed in."""
    with shop_app.registry["shopapp.sessionmaker"].begin() as dbsession:
        user = User(email="neighbour@example.com", name="Neighbour", password_hash=hash_password(PASSWORD))
        dbsession.add(user)
    browser = new_visitor()
    log_in(browser, email="neighbour@example.com")
    return browser


def test_the_address_changes_by_the_form_and_the_mail(
    customer: TestApp, mailbox: Mailbox, new_visitor: NewVisitor
) -> None:
    form = form_to(customer.get("/account"), "/account/email")
    form["email"], form["current_password"] = " NEW@example.com", PASSWORD
    assert "sent a mail to the new address" in text_of(form.submit(status=303).follow())
    assert customer.get("/account", headers=JSON).json["email"] == "demo@example.com"

    page = customer.get(link_of(mailbox.last()))
    assert NEW in text_of(page)
    response = form_to(page, "/account/email/confirm").submit(status=303)

    assert response.location == "http://localhost/account"
    assert "Your e-mail address is changed" in text_of(response.follow())
    assert customer.get("/account", headers=JSON).json["email"] == NEW
    assert log_in(new_visitor(), email=NEW).json["email"] == NEW
    new_visitor().post("/login", {"email": "demo@example.com", "password": PASSWORD}, headers=JSON, status=401)


def test_it_works_where_nobody_is_signed_in_and_signs_nobody_in(
    customer: TestApp, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    elsewhere = new_visitor()
    form = form_to(elsewhere.get(asked_link(customer, mailbox)), "/account/email/confirm")

    page = form.submit(status=303).follow()

    assert "Your e-mail address is changed" in text_of(page)
    form_to(page, "/login")
    assert elsewhere.cookies == {}


def test_other_sessions_end_and_this_one_gets_a_new_id(
    customer: TestApp, new_visitor: NewVisitor, mailbox: Mailbox
) -> None:
    phone = new_visitor()
    log_in(phone)
    old = customer.cookies["session"]

    confirm(customer, asked_link(customer, mailbox))

    assert (is_in(customer), is_in(phone)) == (True, False)
    assert customer.cookies["session"] != old
    customer.set_cookie("session", old)
    assert not is_in(customer)


def test_another_persons_session_in_the_browser_of_the_link_stays_theirs(
    customer: TestApp, neighbour: TestApp, mailbox: Mailbox
) -> None:
    confirm(neighbour, asked_link(customer, mailbox))

    assert not is_in(customer)
    assert neighbour.get("/account", headers=JSON).json["email"] == "neighbour@example.com"


def test_the_old_address_gets_a_note_that_does_not_name_the_new_one(customer: TestApp, mailbox: Mailbox) -> None:
    confirm(customer, asked_link(customer, mailbox))

    note = mailbox.last()
    assert note["To"] == "demo@example.com"
    assert "is changed" in note["Subject"]
    assert NEW not in note.as_string()


class TestThePasswordIsAskedFor:
    """ASVS 7.5.1, 6.2.3."""

    @pytest.mark.parametrize("password", ["", "wrong one", PASSWORD + " "])
    def test_without_it_nothing_is_sent(self, customer: TestApp, mailbox: Mailbox, password: str) -> None:
        before = len(mailbox.letters())

        fields = ask(customer, password=password, status=422).json["error"]["fields"]
        page = customer.post("/account/email", {"email": NEW, "current_password": password}, status=422)

        assert set(fields) == {"current_password"}
        assert fields["current_password"] in text_of(page)
        assert len(mailbox.letters()) == before

    def test_a_wrong_one_counts_as_a_failed_login(self, customer: TestApp, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level("INFO", logger="shopapp.audit"):
            ask(customer, password="a guess", status=422)

        assert [text for text in caplog.messages if "event=UserLoginFailed" in text]
        assert "a guess" not in caplog.text

    def test_a_visitor_may_not(self, visitor: TestApp) -> None:
        ask(visitor, status=401)


class TestWhoHasTheAddress:
    def test_a_known_address_gets_the_same_answer_and_no_mail(
        self, customer: TestApp, neighbour: TestApp, mailbox: Mailbox
    ) -> None:
        unknown = ask(customer)
        known = ask(customer, "neighbour@example.com")

        assert (unknown.status, unknown.text) == (known.status, known.text)
        sent = [letter for letter in mailbox.letters() if letter["Subject"].startswith("Your new address")]
        assert [letter["To"] for letter in sent] == [NEW]

    def test_of_two_people_who_want_it_the_first_to_confirm_has_it(
        self, customer: TestApp, neighbour: TestApp, mailbox: Mailbox, shop_app: Any
    ) -> None:
        ask(customer)
        mine = link_of(mailbox.last())
        ask(neighbour)
        theirs = link_of(mailbox.last())
        assert mine != theirs

        confirm(customer, mine)
        confirm(neighbour, theirs, status=404)

        with shop_app.registry["shopapp.sessionmaker"]() as dbsession:
            assert set(dbsession.scalars(select(User.email))) == {NEW, "neighbour@example.com"}
        assert (is_in(customer), is_in(neighbour)) == (True, True)

    def test_ones_own_address_is_said_to_be_that(self, customer: TestApp) -> None:
        fields = ask(customer, "Demo@Example.com", status=422).json["error"]["fields"]

        assert fields == {"email": "This is the address that you have."}


class TestTheLink:
    def test_to_open_it_changes_nothing(
        self, customer: TestApp, mailbox: Mailbox, shop_redis: ObservedRedis, shop_settings: dict[str, Any],
        new_visitor: NewVisitor,
    ) -> None:  # fmt: skip
        link, browser = asked_link(customer, mailbox), new_visitor()
        before = everything_stored(shop_redis, shop_settings)

        page = browser.get(link)

        assert page.headers.getall("Referrer-Policy") == ["strict-origin"]
        assert everything_stored(shop_redis, shop_settings) == before
        assert "demo@example.com" not in page

    def test_it_is_good_once_and_for_an_hour(self, customer: TestApp, mailbox: Mailbox) -> None:
        link = asked_link(customer, mailbox)
        with time_machine.travel(timedelta(minutes=61)):
            customer.get(link, status=404)
            confirm(customer, link, status=404)
        confirm(customer, link)

        assert confirm(customer, link, status=404).json["error"]["code"] == "not_found"
        assert customer.get(link, status=404).html.find("main").find("a", href="/account")

    def test_it_dies_with_the_password_and_with_the_account(
        self, customer: TestApp, neighbour: TestApp, mailbox: Mailbox, shop_app: Any
    ) -> None:
        link = asked_link(customer, mailbox)
        fields = {"current_password": PASSWORD, "new_password": "walnut plume arrow"}
        customer.post("/account/password", fields, headers=JSON)
        confirm(customer, link, status=404)

        link = asked_link(neighbour, mailbox, "other@example.com")
        with shop_app.registry["shopapp.sessionmaker"].begin() as dbsession:
            for user in dbsession.scalars(select(User)):
                user.disabled_at = datetime.now(UTC)
        confirm(neighbour, link, status=404)

    @pytest.mark.parametrize("path", ["/account/email", "/account/email/confirm"])
    def test_an_address_left_behind_by_a_form_leads_on(self, customer: TestApp, path: str) -> None:
        assert customer.get(path, status=303).location == "http://localhost/account"


class TestWhileSomethingElseChanges:
    """Each change takes away the links and sessions that it finds: none may come after it."""

    def test_no_link_comes_of_the_old_password_once_it_is_changed(
        self, visitor: TestApp, new_visitor: NewVisitor, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        thief, owner, verify = new_visitor(), visitor, proving.verify_password
        log_in(thief)
        log_in(owner)

        def verify_slowly(password_hash: str | None, password: str) -> bool:
            is_right = verify(password_hash, password)
            monkeypatch.setattr(proving, "verify_password", verify)
            fields = {"current_password": PASSWORD, "new_password": "walnut plume arrow"}
            owner.post("/account/password", fields, headers=JSON)
            return is_right

        monkeypatch.setattr(proving, "verify_password", verify_slowly)
        response = ask(thief, status="*")

        assert response.status_int in {401, 422}
        assert NEW not in [letter["To"] for letter in mailbox.letters()]
        assert owner.get("/account", headers=JSON).json["email"] == "demo@example.com"

    def test_no_link_to_a_new_password_goes_to_the_old_address(
        self, customer: TestApp, new_visitor: NewVisitor, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link, find_user = asked_link(customer, mailbox), letters.find_user
        change = threading.Thread(target=confirm, args=[customer, link])

        def find_slowly(dbsession: Any, email: str) -> User | None:
            user = find_user(dbsession, email)
            monkeypatch.setattr(letters, "find_user", find_user)
            change.start()
            change.join(2)
            return user

        new_visitor().post("/password/forgotten", {"email": "demo@example.com"}, headers=JSON)
        monkeypatch.setattr(letters, "find_user", find_slowly)
        sent = [letter for letter in mailbox.letters() if "/password/reset?" in letter.as_string()]
        change.join(20)

        assert customer.get("/account", headers=JSON).json["email"] == NEW
        for letter in sent:
            fields = {"token": link_of(letter).partition("token=")[2], "new_password": "walnut plume arrow"}
            new_visitor().post("/password/reset", fields, headers=JSON, status=404)

    def test_a_sign_in_with_the_old_address_that_is_on_its_way_does_not_get_in(
        self, customer: TestApp, new_visitor: NewVisitor, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link, verify, late = asked_link(customer, mailbox), views.verify_password, new_visitor()

        def verify_slowly(password_hash: str | None, password: str) -> bool:
            is_right = verify(password_hash, password)
            monkeypatch.setattr(views, "verify_password", verify)
            confirm(customer, link)
            return is_right

        monkeypatch.setattr(views, "verify_password", verify_slowly)
        late.post("/login", {"email": "demo@example.com", "password": PASSWORD}, headers=JSON, status=401)

        assert not is_in(late)
