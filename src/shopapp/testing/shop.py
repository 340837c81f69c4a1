"""Fixtures for tests of the shop: the shop itself, and people who use it. Needs the extra ``test``.

Take them with ``pytest_plugins = ["shopapp.testing", "shopapp.testing.shop"]`` in a conftest.py. Every test has an
empty Redis and a freshly filled SQLite database of its own.
"""

import re
import shutil
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from webtest import TestApp

import shopapp
from shopapp.accounts import passwords
from shopapp.catalog import demo, memory
from shopapp.db import create_engine_from
from shopapp.mail.outbox import FOLDER, SENDER
from shopapp.migrations import upgrade
from shopapp.settings.shop import load_settings
from shopapp.testing import TEST_SECRET, ObservedRedis

JSON = {"Accept": "application/json"}

QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Argon2id as the shop has it, but for next to no time: a hash of the shop takes a third of a second of a processor."""


def hash_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have passwords hashed by QUICK_HASHER until the end of the test."""
    monkeypatch.setattr(passwords, "_hasher", QUICK_HASHER)
    monkeypatch.setattr(passwords, "_UNKNOWN_USER_HASH", QUICK_HASHER.hash("a password that nobody has"))


@pytest.fixture(scope="session")
def shop_database_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema and the demo data, to be copied."""
    path = tmp_path_factory.mktemp("database") / "shop.sqlite"
    settings = load_settings({"redis.sessions.secret": TEST_SECRET, "shop.database_url": f"sqlite:///{path}"}, {})
    engine = create_engine_from(settings.shop)
    with engine.connect() as connection:
        upgrade(connection)
    fill_with_demo(engine)
    engine.dispose()
    return path


def fill_with_demo(engine: Engine) -> None:
    """Put the demo data into a database."""
    with pytest.MonkeyPatch.context() as monkeypatch, Session(engine) as dbsession, dbsession.begin():
        hash_quickly(monkeypatch)
        demo.fill(dbsession)


@pytest.fixture
def shop_database_url(shop_database_template: Path, tmp_path: Path) -> str:
    """The URL of a copy of it. Have a fixture of this name of your own to test the shop on another database."""
    return f"sqlite:///{shutil.copy(shop_database_template, tmp_path / 'shop.sqlite')}"


@pytest.fixture
def shop_settings(
    shop_redis: ObservedRedis, shop_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """The settings of the shop, to be changed before ``shop_app`` is made of them.

    What a test changes in the catalogue is seen at once, not a second later, and passwords are hashed quickly.
    """
    hash_quickly(monkeypatch)
    monkeypatch.setattr(memory, "LOOK_SECONDS", 0.0)
    return {
        "redis.sessions.secret": TEST_SECRET,
        "redis.sessions.redis_client_callable": "shopapp.testing.ObservedRedis.of",
        "redis.sessions.redis_waiting": "1000",  # as many threads as a test has, on a machine that may be busy
        "shopapp.testing.redis": shop_redis,
        "shop.database_url": shop_database_url,
        "mail.url": f"folder:{tmp_path / 'mail'}",
        "mail.thread": "false",  # a test says when it is sent
        "shop.cart_thread": "false",  # and when carts are copied
    }


@pytest.fixture
def shop_app(shop_settings: dict[str, Any]) -> Callable[..., Any]:
    """The shop as a WSGI application."""
    return shopapp.main({}, **shop_settings)


@pytest.fixture
def new_visitor(shop_app: Callable[..., Any]) -> Callable[[], TestApp]:
    """A function that returns another browser, with a cookie jar of its own."""
    return lambda: TestApp(shop_app, extra_environ={"REMOTE_ADDR": "192.0.2.1"})


@pytest.fixture
def visitor(new_visitor: Callable[[], TestApp]) -> TestApp:
    """A browser that has not been here before."""
    return new_visitor()


@pytest.fixture
def customer(visitor: TestApp) -> TestApp:
    """The same browser with the demo customer signed in."""
    log_in(visitor)
    return visitor


def log_in(browser: TestApp, **fields: str) -> Any:
    """Sign the demo customer in by JSON; return the response."""
    credentials = {"email": demo.EMAIL, "password": demo.PASSWORD}
    return browser.post("/login", {**credentials, **fields}, headers=JSON)


class Mailbox:
    """All mail of a shop under test, to whomever it goes."""

    def __init__(self, app: Any) -> None:
        self._sender, self._folder = app.registry[SENDER], app.registry[FOLDER]

    def letters(self) -> list[EmailMessage]:
        """Send what is due, and return all that was ever sent, the newest last."""
        self._sender.send_due()
        return [message for _, message in self._folder.messages()][::-1]

    def last(self) -> EmailMessage:
        """Send what is due, and return the newest of all that was ever sent."""
        return self.letters()[-1]


def text_of(letter: EmailMessage) -> str:
    """Return what a letter says, as text."""
    return _body(letter, "plain")


def html_of(letter: EmailMessage) -> str:
    """Return what a letter says, as HTML."""
    return _body(letter, "html")


def _body(letter: EmailMessage, kind: str) -> str:
    body = letter.get_body((kind,))
    assert body is not None  # noqa: S101 - it is for tests
    return str(body.get_content()).replace("\r\n", "\n")  # as it lies on the server


def link_of(letter: EmailMessage) -> str:
    """Return the one link in a letter, without the shop's address: as a test visits it.

    The shop's own address, which is under every letter, is none.
    """
    found = re.findall(r"https?://[^/\s]+(/\S+)", text_of(letter))
    assert len(set(found)) == 1, found  # noqa: S101 - it is for tests
    return found[0]


@pytest.fixture
def mailbox(shop_app: Callable[..., Any]) -> Mailbox:
    """What the shop under test has written to people. Nothing is sent before a test asks for it."""
    return Mailbox(shop_app)
