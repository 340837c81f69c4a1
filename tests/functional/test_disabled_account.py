"""A disabled account: nobody is in, and nobody gets in, whatever was on its way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select
from webtest import TestApp

from interleaving import held, steps_of
from observing import headers_of, text_of
from shopapp.accounts import views
from shopapp.accounts.models import User
from shopapp.cli import cli
from shopapp.testing import TEST_SECRET, ObservedRedis
from shopapp.testing.shop import JSON, Mailbox, log_in

DEMO = "demo@example.com"
CREDENTIALS = {"email": DEMO, "password": "correct horse battery"}

NewVisitor = Callable[[], TestApp]
Shop = Callable[..., Result]


@pytest.fixture
def shop(tmp_path: Path, shop_settings: dict[str, Any], shop_valkey: str) -> Shop:
    """Run a command on the shop that is open."""
    ini = tmp_path / "shop.ini"
    ini.write_text(
        f"[app:main]\nshop.database_url = {shop_settings['shop.database_url']}\n"
        f"redis.sessions.secret = {TEST_SECRET}\nredis.sessions.redis_url = {shop_valkey}\n"
    )

    def run(*arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(cli, ["--ini", str(ini), *arguments], input=typed)

    return run


def is_in(browser: TestApp) -> bool:
    return browser.get("/account", headers=JSON, status="*").status_int == 200


def test_disabling_ends_all_sessions_at_once_and_nobody_signs_in_until_it_is_enabled(
    customer: TestApp, new_visitor: NewVisitor, shop: Shop
) -> None:
    """ASVS 7.4.2."""
    phone, laptop = new_visitor(), new_visitor()
    log_in(phone)
    log_in(laptop)

    result = shop("user", "disable", " Demo@Example.com")

    assert (result.exit_code, result.stdout) == (0, "Disabled demo@example.com. Sessions ended: 3.\n")
    assert [is_in(each) for each in (customer, phone, laptop)] == [False] * 3
    customer.post("/login", CREDENTIALS, headers=JSON, status=401)
    assert shop("user", "enable", DEMO).stdout == "Enabled demo@example.com.\n"
    assert log_in(customer).status_int == 200


def test_the_answer_is_that_to_a_wrong_password_and_so_is_its_work(
    visitor: TestApp, shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop("user", "disable", DEMO)
    verified: list[str | None] = []
    honest = views.verify_password
    monkeypatch.setattr(views, "verify_password", lambda stored, text: verified.append(stored) or honest(stored, text))

    with caplog.at_level("INFO", logger="shopapp.audit"):
        right = visitor.post("/login", CREDENTIALS, headers=JSON, status=401)
        wrong = visitor.post("/login", {**CREDENTIALS, "password": "wrong"}, headers=JSON, status=401)

    assert (right.text, headers_of(right)) == (wrong.text, headers_of(wrong))
    assert len(verified) == 2
    assert len({text.partition(" ")[0] for text in caplog.messages if "UserLoginFailed" in text}) == 1


def test_a_disabled_account_gets_no_link_to_a_new_password(visitor: TestApp, shop: Shop, mailbox: Mailbox) -> None:
    shop("user", "disable", DEMO)
    visitor.post("/password/forgotten", {"email": DEMO}, headers=JSON, status=202)

    assert mailbox.letters() == []


def test_no_sign_in_that_is_on_its_way_survives(
    new_visitor: NewVisitor, shop: Shop, shop_redis: ObservedRedis, shop_app: Any
) -> None:
    """Held before each of its commands to Redis in turn, while the account is disabled."""
    log_in(new_visitor())  # Redis learns the scripts

    def race(step: int) -> bool:
        browser = new_visitor()

        def sign_in() -> Any:
            return browser.post("/login", CREDENTIALS, headers=JSON, status="*")

        with held(shop_redis, step, sign_in) as request:
            if request.was_held:
                assert shop("user", "disable", DEMO).exit_code == 0
        response = request.finish()
        if request.was_held:
            assert not is_in(browser)
            assert response.status_int in (200, 401)
            # A 200 was given before: its session is ended.
            assert shop("sessions", "list", DEMO).stdout == "No sessions.\n"
        shop("user", "enable", DEMO)
        return request.was_held

    assert steps_of(race) >= 2


@pytest.mark.parametrize("path", ["/account", "/cart/items", "/account/password", "/login"])
def test_no_request_of_a_session_that_is_on_its_way_brings_it_back(
    new_visitor: NewVisitor, shop: Shop, shop_redis: ObservedRedis, path: str
) -> None:
    fields = {
        "/cart/items": {"sku": "brass-pen"},
        "/account/password": {"current_password": "correct horse battery", "new_password": "correct horse battery"},
        "/login": CREDENTIALS,
    }

    def race(step: int) -> bool:
        browser = new_visitor()
        log_in(browser)

        def ask() -> Any:
            if path == "/account":
                return browser.get(path, headers=JSON, status="*")
            return browser.post(path, fields[path], headers=JSON, status="*")

        with held(shop_redis, step, ask) as request:
            if request.was_held:
                shop("user", "disable", DEMO)
        request.finish()
        if request.was_held:
            assert not is_in(browser)
            assert shop("sessions", "list", DEMO).stdout == "No sessions.\n"
        shop("user", "enable", DEMO)
        return request.was_held

    assert steps_of(race) >= 1


class TestPasswd:
    def test_another_password_ends_all_sessions_and_is_told_by_mail(
        self, customer: TestApp, new_visitor: NewVisitor, shop: Shop, mailbox: Mailbox, shop_app: Any
    ) -> None:
        result = shop("user", "passwd", DEMO, typed="walnut plume arrow\nwalnut plume arrow\n")

        assert result.exit_code == 0
        assert "Sessions ended: 1." in result.stdout
        assert "walnut" not in result.output
        assert not is_in(customer)
        customer.post("/login", CREDENTIALS, headers=JSON, status=401)
        assert log_in(customer, password="walnut plume arrow").status_int == 200
        assert "is changed" in mailbox.last()["Subject"]
        with shop_app.registry["shopapp.sessionmaker"]() as dbsession:
            assert not dbsession.scalars(select(User)).one().owes_sign_out

    def test_a_weak_one_is_asked_for_again_with_the_reason(self, shop: Shop, customer: TestApp) -> None:
        typed = ["password1", "democustomer1990", "x" * 129, *["walnut plume arrow"] * 2, ""]
        result = shop("user", "passwd", DEMO, typed="\n".join(typed))

        assert result.exit_code == 0
        for said in ("many people have chosen it", "your name", "8 to 128"):
            assert said in result.output

    @pytest.mark.parametrize("command", ["passwd", "disable", "enable"])
    def test_an_address_without_an_account_is_told(self, shop: Shop, customer: TestApp, command: str) -> None:
        result = shop("user", command, "nobody@example.com")

        assert result.exit_code == 1
        assert "no account for nobody@example.com" in result.stderr

    @pytest.mark.parametrize("command", ["passwd", "disable"])
    def test_redis_away_is_told_with_what_is_done_and_what_is_not(
        self, shop: Shop, customer: TestApp, tmp_path: Path, shop_valkey: str, command: str
    ) -> None:
        ini = tmp_path / "shop.ini"
        there = ini.read_text()
        assert is_in(customer)  # by the account's record too, which is asked again in a minute
        ini.write_text(there.replace(shop_valkey, "redis://:hidden@127.0.0.1:1/0"))

        result = shop("user", command, DEMO, typed="walnut plume arrow\n" * 2)

        assert result.exit_code == 1
        assert "its sessions go on for a minute: to end them now, please run this again" in result.stderr
        assert "hidden" not in result.output
        assert is_in(customer)
        customer.post("/login", CREDENTIALS, headers=JSON, status=401)
        ini.write_text(there)
        assert shop("user", command, DEMO, typed="copper kettle arrow\n" * 2).exit_code == 0
        assert not is_in(customer)


def test_all_accounts_are_listed(customer: TestApp, shop: Shop) -> None:
    shop("user", "add", "ann@example.com", "Ann Lee", typed="walnut plume arrow\n" * 2)
    shop("user", "disable", "ann@example.com")

    first, second = shop("user", "list").stdout.splitlines()

    assert first.startswith("1  demo@example.com  Demo Customer  since 20")
    assert second.startswith("2  ann@example.com  Ann Lee  since 20")
    assert " disabled 20" in second
    assert "disabled" not in first


class TestWhyItAsks:
    """A session that ended elsewhere: the login page says why it asks."""

    def test_whoever_was_signed_out_elsewhere_is_told(self, customer: TestApp, shop: Shop) -> None:
        shop("sessions", "end", DEMO)

        page = customer.get("/account/sessions", status=303).follow()

        assert "You are not signed in any more" in text_of(page)

    def test_a_visitor_is_not(self, visitor: TestApp) -> None:
        page = visitor.get("/account", status=303).follow()

        assert "any more" not in text_of(page)
        assert visitor.cookies == {}

    def test_who_signs_in_by_the_form_is_told_as_whom(self, visitor: TestApp) -> None:
        page = visitor.post("/login", CREDENTIALS, status=303).follow()

        assert "You are signed in as Demo Customer." in text_of(page)
        assert "You are signed in as" not in text_of(visitor.get("/"))
