"""A sign-in or a password change that is sent again, half done or rolled back: nobody has less than before."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
import redis
import transaction
from webtest import TestApp

from observing import form_to
from shopapp.accounts import password_views
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

CREDENTIALS = {"email": "demo@example.com", "password": "correct horse battery"}
CHANGE = {"current_password": CREDENTIALS["password"], "new_password": "a better one than that"}
MUG = "stoneware-mug"

NewVisitor = Callable[[], TestApp]


@pytest.fixture
def shop_settings(shop_settings: dict[str, Any]) -> dict[str, Any]:
    """A place to hash for a request within another, which is on another thread with a real server."""
    return {**shop_settings, "shop.password_hashes": "2"}


def add(browser: TestApp, sku: str = MUG) -> Any:
    return browser.post("/cart/items", {"sku": sku}, headers=JSON, status="*")


def contents(browser: TestApp) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in browser.get("/cart", headers=JSON).json["lines"]}


def devices(browser: TestApp) -> list[Any]:
    return browser.get("/account/sessions", headers=JSON).json["sessions"]


def is_in(browser: TestApp) -> bool:
    return browser.get("/account", headers=JSON, status="*").status_int == 200


@pytest.mark.parametrize("has_a_cart", [True, False])
def test_the_form_of_a_page_sent_three_times_is_one_device_whichever_answer_counts(
    new_visitor: NewVisitor, has_a_cart: bool
) -> None:
    visitor = new_visitor()
    if has_a_cart:
        add(visitor)
    form = form_to(visitor.get("/login"), "/login")
    fields = {**dict(form.submit_fields()), **CREDENTIALS}
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())

    for kept in range(3):
        answers = [visitor.app.__class__ and _send(visitor, fields, cookie) for _ in range(3)]
        browser = new_visitor()
        browser.set_cookie("session", answers[kept])
        assert len(devices(browser)) == 1
        assert contents(browser) == ({MUG: 1} if has_a_cart else {})


def _send(visitor: TestApp, fields: dict[str, str], cookie: str) -> str:
    """Send the form with the cookie from before; return the one that the answer sets."""
    browser = TestApp(visitor.app, extra_environ={"REMOTE_ADDR": "192.0.2.1"})
    response = browser.post("/login", fields, headers={"Cookie": cookie} if cookie else {}, status=303)
    (session,) = (each for each in response.headers.getall("Set-Cookie") if each.startswith("session="))
    return session.partition(";")[0].partition("=")[2]


def test_each_page_has_a_form_of_its_own_that_no_cache_keeps(visitor: TestApp) -> None:
    pages = [visitor.get("/login") for _ in range(2)]

    assert len({form_to(page, "/login")["form"].value for page in pages}) == 2
    assert {page.headers["Cache-Control"] for page in pages} == {"no-store"}


@pytest.mark.parametrize("form", ["x" * 65, "x" * 100_000])
def test_a_form_with_a_name_that_is_none_of_ours_is_refused(visitor: TestApp, form: str) -> None:
    assert visitor.post("/login", {**CREDENTIALS, "form": form}, headers=JSON, status="*").status_int in (400, 413, 422)


def _lose_answers(client: ObservedRedis, name: str, count: int, *, after: int = 0) -> None:
    """Lose the answers of so many commands of a name, after Redis has done them; not of the first ``after``."""
    honest, left, spared = type(client).execute_command, [count], [after]

    def execute(*args: Any, **options: Any) -> Any:
        answer = honest(client, *args, **options)
        if args[0] == name and spared[0]:
            spared[0] -= 1
        elif args[0] == name and left[0]:
            left[0] -= 1
            raise redis.exceptions.ConnectionError("the answer is lost")
        return answer

    client.execute_command = execute  # type: ignore[method-assign]


def test_a_cart_whose_visitor_got_503_at_the_login_is_in_sight_and_comes_along_later(
    new_visitor: NewVisitor, shop_redis: ObservedRedis
) -> None:
    log_in(new_visitor())  # so that the scripts are known
    visitor = new_visitor()
    add(visitor)
    add(visitor, "brass-pen")
    _lose_answers(shop_redis, "EVALSHA", 2, after=3)  # those which count the try
    assert visitor.post("/login", CREDENTIALS, headers=JSON, status="*").status_int == 503
    del shop_redis.execute_command

    assert contents(visitor) == {MUG: 1, "brass-pen": 1}
    assert add(visitor).status_int == 409  # for a moment: somebody has just signed in with this cookie
    log_in(visitor)
    assert contents(visitor) == {MUG: 1, "brass-pen": 1}
    assert len(devices(visitor)) == 2  # and that of the first line


def test_a_password_change_that_is_rolled_back_ends_nobodys_session(
    customer: TestApp, new_visitor: NewVisitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_visitor()
    log_in(other)

    def fail(self: transaction.Transaction) -> None:
        self.abort()
        raise sqlite3.OperationalError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(transaction.Transaction, "commit", fail)
        assert customer.post("/account/password", CHANGE, headers=JSON, status="*").status_int == 500

    assert is_in(customer)
    assert is_in(other)
    assert log_in(new_visitor()).status_int == 200


def test_a_password_change_whose_answer_redis_loses_ends_nobodys_session(
    customer: TestApp, new_visitor: NewVisitor, shop_redis: ObservedRedis
) -> None:
    other = new_visitor()
    log_in(other)
    _lose_answers(shop_redis, "EVALSHA", 2)
    assert customer.post("/account/password", CHANGE, headers=JSON, status="*").status_int == 503
    del shop_redis.execute_command

    assert is_in(customer)
    assert is_in(other)
    assert customer.post("/account/password", CHANGE, headers=JSON).status_int == 200
    assert not is_in(other)


def _change_while_redis_goes_away_after_the_commit(customer: TestApp, shop_redis: ObservedRedis) -> None:
    """Change the password; the list of the other sessions, which are to end then, cannot be read."""

    def fail(name: str) -> None:
        if name == "ZRANGE":
            raise redis.exceptions.ConnectionError("away")

    shop_redis.before = fail
    customer.post("/account/password", CHANGE, headers=JSON, status=200)
    shop_redis.before = lambda name: None


def test_where_redis_goes_away_after_the_commit_the_others_end_with_the_next_sign_in(
    customer: TestApp, new_visitor: NewVisitor, shop_redis: ObservedRedis
) -> None:
    thief = new_visitor()
    log_in(thief)
    assert is_in(thief)  # by the account's record too, which is asked again in a minute

    _change_while_redis_goes_away_after_the_commit(customer, shop_redis)
    assert is_in(thief)

    log_in(new_visitor(), password=CHANGE["new_password"])

    assert not is_in(thief)
    again, later = new_visitor(), new_visitor()
    log_in(again, password=CHANGE["new_password"])
    log_in(later, password=CHANGE["new_password"])
    assert is_in(again)  # it is owed once


def test_twenty_devices_are_a_page(customer: TestApp, new_visitor: NewVisitor) -> None:
    for _ in range(30):
        log_in(new_visitor())
    last = new_visitor()
    log_in(last)

    first, second = (
        last.get(f"/account/sessions?page={number}", headers=JSON).json for number in (1, 2)
    )  # fmt: skip
    assert [len(first["sessions"]), len(second["sessions"])] == [20, 12]
    assert (first["page"], first["pages"], second["page"]) == (1, 2, 2)
    assert first["sessions"][0]["current"]
    assert "Next" in last.get("/account/sessions")
    assert "Previous" in last.get("/account/sessions?page=2")
    for wrong, status in (("3", 404), ("0", 404), ("x", 400), ("-1", 400), ("1" * 30, 400)):
        last.get(f"/account/sessions?page={wrong}", headers=JSON, status=status)


@pytest.mark.parametrize("kind", ["set", "rpush"])
def test_rubbish_under_a_persons_list_of_sessions_is_no_error_page(
    customer: TestApp, shop_redis: ObservedRedis, kind: str
) -> None:
    shop_redis.delete("session:user:1")
    getattr(shop_redis, kind)("session:user:1", "rubbish")

    assert [device["current"] for device in devices(customer)] == [True]  # it begins anew
    customer.get("/account/sessions", status=200)
    customer.post("/account/sessions/end-others", headers=JSON, status=200)
    customer.post("/account/password", CHANGE, headers=JSON, status=200)
    customer.post("/logout", headers=JSON, status=204)


@pytest.mark.parametrize("keep", ["", "1"])
def test_a_password_form_that_is_sent_twice_leaves_the_browser_with_a_good_cookie(
    new_visitor: NewVisitor, shop_redis: ObservedRedis, monkeypatch: pytest.MonkeyPatch, keep: str
) -> None:
    """The browser drops the answer to the first click, and with it the cookie that is good then."""
    browser = new_visitor()
    log_in(browser, keep=keep)
    lifetime = shop_redis.ttl(f"session:{devices(browser)[0]['handle']}")
    first = TestApp(browser.app, extra_environ={"REMOTE_ADDR": "192.0.2.1"})
    first.set_cookie("session", browser.cookies["session"].strip('"'))

    def serve_the_first_click(password_hash: str | None, password: str) -> bool:
        monkeypatch.undo()
        first.post("/account/password", CHANGE, headers=JSON, status=200)
        return password_views.verify_password(password_hash, password)

    monkeypatch.setattr(password_views, "verify_password", serve_the_first_click)
    browser.post("/account/password", CHANGE, headers=JSON, status=200)

    assert is_in(browser)
    assert len(devices(browser)) == 1
    assert lifetime - 30 <= shop_redis.ttl(f"session:{devices(browser)[0]['handle']}") <= lifetime
    assert log_in(new_visitor(), password=CHANGE["new_password"]).status_int == 200


def test_a_thief_who_looks_at_the_account_does_not_pay_what_its_owners_change_owes(
    customer: TestApp, new_visitor: NewVisitor, shop_redis: ObservedRedis
) -> None:
    """Whoever pays stays, and all others go."""
    thief = new_visitor()
    log_in(thief)
    assert is_in(thief)  # by the account's record too, which is asked again in a minute

    _change_while_redis_goes_away_after_the_commit(customer, shop_redis)
    for path in ("/account", "/account/sessions"):
        thief.get(path, headers=JSON, status=200)

    customer.get("/account", headers=JSON, status=200)  # where the form leads after the change

    assert not is_in(thief)
    assert is_in(customer)
    for _ in range(2):
        customer.get("/account", headers=JSON, status=200)


def test_a_cookie_from_before_a_login_takes_nothing_out_of_the_cart(new_visitor: NewVisitor, customer: TestApp) -> None:
    add(customer)
    attacker, victim = new_visitor(), new_visitor()
    add(attacker, "brass-pen")
    planted = attacker.cookies["session"].strip('"')
    victim.set_cookie("session", planted)
    log_in(victim)
    assert contents(customer) == {MUG: 1, "brass-pen": 1}

    for sku in (MUG, "brass-pen"):
        attacker.post(f"/cart/items/{sku}", {"quantity": "0"}, headers=JSON, status="*")
        attacker.post(f"/cart/items/{sku}", {"quantity": "7"}, headers=JSON, status="*")

    assert contents(customer) == {MUG: 1, "brass-pen": 1}
