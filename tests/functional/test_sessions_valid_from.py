"""Redis has lost the list of a person's sessions: what ends them all still does, by the account's own record."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, event
from webtest import TestApp

from on_database import Database
from shopapp.catalog import demo
from shopapp.sessions import validity
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, Mailbox, link_of, log_in

NEW = "seven brave lanterns"

Act = Callable[[TestApp, Mailbox], object]


def change_password(owner: TestApp, _mailbox: Mailbox) -> None:
    owner.post("/account/password", {"current_password": demo.PASSWORD, "new_password": NEW}, headers=JSON)


def change_address(owner: TestApp, mailbox: Mailbox) -> None:
    fields = {"email": "new@example.com", "current_password": demo.PASSWORD}
    owner.post("/account/email", fields, headers=JSON)
    (letter,) = [each for each in mailbox.letters() if each["To"] == "new@example.com"]
    token = link_of(letter).partition("token=")[2]
    owner.post("/account/email/confirm", {"token": token}, headers=JSON)


def end_others(owner: TestApp, _mailbox: Mailbox) -> None:
    owner.post("/account/sessions/end-others", headers=JSON)


def reset(owner: TestApp, mailbox: Mailbox) -> None:
    owner.post("/password/forgotten", {"email": demo.EMAIL}, headers=JSON)
    token = link_of(mailbox.last()).partition("token=")[2]
    owner.post("/password/reset", {"token": token, "new_password": NEW}, headers=JSON)


@pytest.fixture
def lose_the_list(shop_redis: ObservedRedis) -> Iterator[None]:
    """From the next command on Redis has no list of anybody's sessions: it evicts each as soon as it is there."""

    def evict(command: str) -> None:
        if command != "DEL":
            shop_redis.delete("session:user:1")

    yield lambda: setattr(shop_redis, "before", evict)
    shop_redis.before = lambda _command: None


@pytest.mark.parametrize("act", [change_password, change_address, end_others, reset])
def test_the_thief_is_out_within_a_minute_and_the_owner_is_not(
    new_visitor: Callable[[], TestApp],
    lose_the_list: Callable[[], None],
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    act: Act,
) -> None:
    owner, thief = new_visitor(), new_visitor()
    log_in(owner)
    log_in(thief)
    lose_the_list()

    act(owner, mailbox)
    monkeypatch.setattr(validity, "CHECK_SECONDS", 0)  # the minute is over

    thief.get("/account", headers=JSON, status=401)
    owner.get("/account", headers=JSON, status=401 if act is reset else 200)


def test_whoever_is_disabled_or_gone_is_out(
    customer: TestApp, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validity, "CHECK_SECONDS", 0)
    customer.get("/account", headers=JSON)
    database.execute('UPDATE "user" SET disabled_at = CURRENT_TIMESTAMP')

    customer.get("/account", headers=JSON, status=401)


def test_it_is_one_statement_a_minute(customer: TestApp, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    clock = [validity.now()]
    monkeypatch.setattr(validity, "now", lambda: clock[0])
    customer.get("/cart")
    event.listen(Engine, "before_cursor_execute", note)
    try:
        for _ in range(10):
            customer.get("/cart")
            clock[0] += 10
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    assert sum("sessions_valid_from" in statement for statement in sent) == 1


@pytest.mark.only_on("postgresql", reason="SQLite's pool has no end")
def test_whoever_is_disabled_is_out_as_soon_as_the_process_has_a_connection_free(
    shop_with: Callable[..., TestApp], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validity, "CHECK_SECONDS", 0)
    browser = shop_with({"shop.database_pool_timeout": "0.1"})
    log_in(browser)
    engine = browser.app.registry["shopapp.sessionmaker"].kw["bind"]
    database.execute('UPDATE "user" SET disabled_at = CURRENT_TIMESTAMP')
    taken = [engine.connect() for _ in range(engine.pool.size())]
    try:
        browser.get("/account", headers=JSON)
    finally:
        for connection in taken:
            connection.close()

    browser.get("/account", headers=JSON, status=401)
