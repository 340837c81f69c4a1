"""Signing up: the form, the mail, the one click; and what nobody learns from it."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import Engine, event, select
from webtest import TestApp

from observing import everything_stored, form_to, headers_of, text_of
from shopapp.accounts import passwords, register_views
from shopapp.accounts.models import AccountLink, User
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, Mailbox, link_of, log_in
from shopapp.testing.shop import text_of as words_of

ANN = {"email": "ann@example.com", "name": "Ann Lee", "password": "kettle tulip bronze"}
SENT = "We have sent you a mail."

NewVisitor = Callable[[], TestApp]


def register(browser: TestApp, status: int = 202, **fields: str) -> Any:
    return browser.post("/register", {**ANN, **fields}, headers=JSON, status=status)


def token_in(link: str) -> str:
    return link.partition("token=")[2].partition("&")[0]


def confirm(browser: TestApp, link: str, status: int = 200) -> Any:
    return browser.post("/register/confirm", {"token": token_in(link)}, headers=JSON, status=status)


def disable(app: Any, email: str) -> None:
    from datetime import UTC, datetime

    with app.registry["shopapp.sessionmaker"].begin() as dbsession:
        dbsession.scalar(select(User).where(User.email == email)).disabled_at = datetime.now(UTC)


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """The SQL statements that are sent from here on, with a mark for each commit."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    def note_commit(_connection: object) -> None:
        sent.append("COMMIT")

    event.listen(Engine, "before_cursor_execute", note)
    event.listen(Engine, "commit", note_commit)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)
    event.remove(Engine, "commit", note_commit)


class TestSigningUp:
    def test_a_visitor_signs_up_by_the_form_and_the_mail_and_the_cart_comes_along(
        self, visitor: TestApp, mailbox: Mailbox
    ) -> None:
        visitor.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)
        form = form_to(visitor.get("/login").click("Sign up"), "/register")
        form["email"], form["name"], form["password"] = ANN.values()
        page = form.submit(status=202)
        assert "Look into your mail" in text_of(page)

        page = visitor.get(link_of(mailbox.last()))
        assert "Ann Lee" in text_of(page)
        assert "ann@example.com" in text_of(page)
        response = form_to(page, "/register/confirm").submit(status=303)

        assert response.location == "http://localhost/"
        assert "signed in as Ann Lee" in text_of(response.follow())
        assert visitor.get("/account", headers=JSON).json == {"user_id": 2, "email": ANN["email"], "name": "Ann Lee"}
        assert visitor.get("/cart", headers=JSON).json["count"] == 1

    def test_it_works_by_json_and_the_password_opens_the_account(
        self, visitor: TestApp, new_visitor: NewVisitor, mailbox: Mailbox
    ) -> None:
        assert SENT in register(visitor).json["message"]
        link = link_of(mailbox.last())
        assert visitor.get(link, headers=JSON).json == {"email": ANN["email"], "name": ANN["name"]}

        assert confirm(visitor, link).json == {"user_id": 2, "email": ANN["email"], "name": ANN["name"]}

        assert log_in(new_visitor(), email="ANN@example.com", password=ANN["password"]).status_int == 200

    def test_it_goes_on_to_where_the_visitor_was_going_and_never_to_another_site(
        self, visitor: TestApp, mailbox: Mailbox
    ) -> None:
        page = visitor.get("/account", status=303).follow().click("Sign up")
        form = form_to(page, "/register")
        form["email"], form["name"], form["password"] = ANN.values()
        form.submit(status=202)
        response = form_to(visitor.get(link_of(mailbox.last())), "/register/confirm").submit(status=303)
        assert response.location == "http://localhost/account"

        other = "//evil.example/"
        register(visitor, email="bo@example.com", next=other)
        link = link_of(mailbox.last())
        assert "evil" not in link
        fields = {"token": token_in(link), "next": other}
        assert visitor.post("/register/confirm", fields, status=303).location == "http://localhost/"

    def test_whoever_is_signed_in_is_sent_on(self, customer: TestApp) -> None:
        assert customer.get("/register?next=/account", status=303).location == "http://localhost/account"

    def test_to_sign_up_is_a_login_with_a_new_session_id(self, visitor: TestApp, mailbox: Mailbox) -> None:
        """ASVS 7.2.4: a new token for whoever is authenticated, and the old one is dead."""
        visitor.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)
        planted = visitor.cookies["session"]
        register(visitor)

        confirm(visitor, link_of(mailbox.last()))

        assert visitor.cookies["session"] != planted
        visitor.set_cookie("session", planted)
        visitor.get("/account", headers=JSON, status=401)


class TestTheLink:
    def test_to_open_it_changes_nothing_for_programs_open_links_too(
        self, visitor: TestApp, mailbox: Mailbox, shop_redis: ObservedRedis, shop_settings: dict[str, Any]
    ) -> None:
        register(visitor)
        link = link_of(mailbox.last())
        before = everything_stored(shop_redis, shop_settings)

        for _ in range(2):
            page = visitor.get(link)

        assert "Set-Cookie" not in page.headers
        assert everything_stored(shop_redis, shop_settings) == before

    def test_it_is_good_once_and_says_so_with_the_way_on(
        self, visitor: TestApp, new_visitor: NewVisitor, mailbox: Mailbox
    ) -> None:
        register(visitor)
        link = link_of(mailbox.last())
        confirm(visitor, link)

        for browser in (visitor, new_visitor()):
            assert "not good any more" in confirm(browser, link, status=404).json["error"]["message"]
            page = browser.post("/register/confirm", {"token": token_in(link)}, status=404)
            assert "please sign in" in text_of(page)
            assert page.html.find("main").find("a", href="/login")
            assert browser.get(link, status=404).html.find("main").find("a", href="/register")

    def test_it_is_good_for_a_day(self, visitor: TestApp, mailbox: Mailbox) -> None:
        register(visitor)
        link = link_of(mailbox.last())

        with time_machine.travel(timedelta(hours=23, minutes=59)):
            visitor.get(link, status=200)
        with time_machine.travel(timedelta(hours=24, minutes=1)):
            visitor.get(link, status=404)
            confirm(visitor, link, status=404)

    @pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 5000, "\u00e9" * 43])
    def test_what_is_no_token_of_ours_is_404(self, visitor: TestApp, token: str) -> None:
        visitor.post("/register/confirm", {"token": token}, headers=JSON, status=404)
        visitor.post("/register/confirm", {"token": token}, status=404)
        visitor.get("/register/confirm", {"token": token}, status=404)

    def test_the_database_never_has_the_token_nor_anything_before_the_mail_is_written(
        self, visitor: TestApp, mailbox: Mailbox, shop_redis: ObservedRedis, shop_settings: dict[str, Any]
    ) -> None:
        """ASVS 6.4.1, 11.5.1: random, 256 bits, known by a hash alone."""
        register(visitor)
        token = token_in(link_of(mailbox.last()))

        assert len(token) == 43
        assert token not in str(everything_stored(shop_redis, shop_settings))

    def test_its_page_is_kept_nowhere_and_tells_no_other_page_of_the_token(
        self, visitor: TestApp, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level("DEBUG"):
            register(visitor)
            link = link_of(mailbox.last())
            for _ in range(2):
                page = visitor.get(link, status="*")
                assert page.headers.getall("Referrer-Policy") == ["strict-origin"]
                assert page.headers["Cache-Control"] == "no-store"
                confirm(visitor, link, status="*")

        assert token_in(link) not in caplog.text

    def test_another_site_cannot_use_it_in_somebodys_browser(self, visitor: TestApp, mailbox: Mailbox) -> None:
        """Login CSRF: into an account that the attacker has made."""
        register(visitor)
        fields = {"token": token_in(link_of(mailbox.last()))}

        visitor.post("/register/confirm", fields, headers={"Sec-Fetch-Site": "cross-site"}, status=403)

        assert visitor.cookies == {}

    def test_the_address_without_a_token_leads_to_the_form(self, visitor: TestApp) -> None:
        assert visitor.get("/register/confirm", status=303).location == "http://localhost/register"


class TestNobodyLearnsWhoHasAnAccount:
    """ASVS 6.3.8."""

    def test_the_answer_and_its_work_are_the_same_for_every_address(
        self, visitor: TestApp, shop_app: Any, statements: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hashed: list[str] = []
        monkeypatch.setattr(
            register_views, "hash_password", lambda text: hashed.append(text) or passwords.hash_password(text)
        )
        with shop_app.registry["shopapp.sessionmaker"].begin() as dbsession:
            dbsession.add(User(email="off@example.com", name="Off", password_hash=""))
        disable(shop_app, "off@example.com")
        register(visitor)  # the process is warm
        visitor.post("/register", ANN)
        seen = []
        for email in ("demo@example.com", "nobody@example.com", "off@example.com"):
            for headers in (JSON, {}):
                statements.clear()
                hashed.clear()
                response = visitor.post("/register", {**ANN, "email": email}, headers=headers)
                told = response.text.replace(email, "ADDRESS")
                seen.append((response.status, headers_of(response), told, list(statements), len(hashed)))

        in_json, pages = seen[::2], seen[1::2]
        sizes = [dict(page[1]).pop("Content-Length") for page in pages]
        assert len({str(each) for each in in_json}) == 1
        assert len({str((page[0], page[2:])) for page in pages}) == 1
        assert len(sizes) == 3
        assert all(each[4] == 1 for each in seen)
        assert [each[3].count("COMMIT") for each in seen] == [1] * 6

    def test_a_known_address_is_told_by_mail_with_the_way_to_a_new_password(
        self, visitor: TestApp, mailbox: Mailbox
    ) -> None:
        register(visitor, email="demo@example.com")

        (letter,) = mailbox.letters()
        assert letter["To"] == "demo@example.com"
        assert "You have an account" in letter["Subject"]
        assert "/password/forgotten" in words_of(letter)
        assert "token" not in words_of(letter)

    def test_a_disabled_account_is_told_nothing(self, visitor: TestApp, shop_app: Any, mailbox: Mailbox) -> None:
        disable(shop_app, "demo@example.com")
        register(visitor, email="demo@example.com")

        assert mailbox.letters() == []

    def test_what_was_typed_stands_in_no_mail_for_anybody_can_enter_any_address(
        self, visitor: TestApp, mailbox: Mailbox
    ) -> None:
        register(visitor, name="Win a prize at evil.example")
        register(visitor, email="demo@example.com", name="Win a prize at evil.example")

        assert not any("evil" in letter.as_string() for letter in mailbox.letters())


class TestTwoOfOneAddress:
    def test_the_first_that_is_confirmed_wins_and_the_others_die(
        self, visitor: TestApp, new_visitor: NewVisitor, mailbox: Mailbox
    ) -> None:
        register(visitor, name="First")
        register(visitor, name="Second", password="walnut plume arrow")
        second, first = (link_of(letter) for letter in mailbox.letters()[::-1])

        assert confirm(new_visitor(), second).json["name"] in ("First", "Second")
        confirm(new_visitor(), first, status=404)

        assert [letter["To"] for letter in mailbox.letters()] == [ANN["email"]] * 2

    def test_two_spellings_of_one_address_are_one_account(self, visitor: TestApp, mailbox: Mailbox) -> None:
        register(visitor, email="Ann@Münster.example")
        confirm(visitor, link_of(mailbox.last()))

        register(visitor, email="ANN@xn--mnster-3ya.example")

        assert "You have an account" in mailbox.last()["Subject"]

    def test_two_clicks_at_once_make_one_account(
        self, visitor: TestApp, new_visitor: NewVisitor, mailbox: Mailbox, shop_app: Any
    ) -> None:
        register(visitor)
        link, answers = link_of(mailbox.last()), []
        start = threading.Barrier(4)

        def click() -> None:
            browser = new_visitor()
            start.wait()
            answers.append(confirm(browser, link, status="*").status_int)

        clicks = [threading.Thread(target=click) for _ in range(4)]
        for each in clicks:
            each.start()
        for each in clicks:
            each.join()

        assert sorted(answers) == [200, 404, 404, 404]
        with shop_app.registry["shopapp.sessionmaker"]() as dbsession:
            assert len(dbsession.scalars(select(User)).all()) == 2
            assert dbsession.scalars(select(AccountLink)).all() == []

    def test_an_old_letter_is_not_sent_with_the_link_of_another_address(
        self, visitor: TestApp, mailbox: Mailbox, shop_app: Any
    ) -> None:
        """SQLite gives the numbers of rows that are gone to new ones."""
        register(visitor, email="first@example.com")
        with shop_app.registry["shopapp.sessionmaker"].begin() as dbsession:
            dbsession.delete(dbsession.scalars(select(AccountLink)).one())
        register(visitor, email="second@example.com")

        assert [letter["To"] for letter in mailbox.letters()] == ["second@example.com"]


class TestRefused:
    @pytest.mark.parametrize(
        ("fields", "field", "message"),
        [
            ({"email": ""}, "email", "enter your e-mail"),
            ({"email": "ann"}, "email", "not an e-mail address"),
            ({"email": "ann@example.com\nBcc: x@example.com"}, "email", "not an e-mail address"),
            ({"email": "a@" + "b" * 300}, "email", "too long"),
            ({"name": ""}, "name", "enter your name"),
            ({"name": "  "}, "name", "enter your name"),
            ({"name": "Ann\u202eeel"}, "name", "one line"),
            ({"name": "A" * 201}, "name", "too long"),
            ({"password": ""}, "password", "choose a password"),
            ({"password": "seven 7"}, "password", "at least 8"),
            ({"password": "x" * 129}, "password", "at most 128"),
            ({"password": "password1"}, "password", "many people have chosen it"),
            ({"password": "annlee1990"}, "password", "your name"),
            ({"password": "ann@example.com"}, "password", "your e-mail address"),
        ],
    )
    def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_noted(
        self,
        visitor: TestApp,
        shop_redis: ObservedRedis,
        shop_settings: dict[str, Any],
        fields: dict[str, str],
        field: str,
        message: str,
    ) -> None:
        before = everything_stored(shop_redis, shop_settings)

        response = register(visitor, status=422, **fields)
        page = visitor.post("/register", {**ANN, **fields}, status=422)

        assert message in response.json["error"]["fields"][field]
        assert message in text_of(page)
        assert ANN["password"] not in page
        assert everything_stored(shop_redis, shop_settings) == before

    def test_a_failed_form_opened_again_is_the_form(self, visitor: TestApp) -> None:
        visitor.post("/register", {}, status=422)

        form_to(visitor.get("/register"), "/register")


def test_redis_away_at_the_click_leaves_an_account_that_can_sign_in(
    visitor: TestApp, mailbox: Mailbox, shop_redis: ObservedRedis
) -> None:
    from redis.exceptions import ConnectionError as RedisConnectionError

    def fail(_command: str) -> None:
        raise RedisConnectionError("away")

    register(visitor)
    link = link_of(mailbox.last())
    shop_redis.before = fail
    confirm(visitor, link, status=503)
    shop_redis.before = lambda _command: None

    assert "please sign in" in confirm(visitor, link, status=404).json["error"]["message"]
    assert log_in(visitor, email=ANN["email"], password=ANN["password"]).status_int == 200
