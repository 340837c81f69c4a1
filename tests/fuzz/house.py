"""A whole shop in this process, with people in it, that is put back as it was after whatever was done to it."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
from webtest import TestApp

import shopapp
from buying import fill, look, order, sent
from shopapp.cart import copying
from shopapp.catalog import demo, memory
from shopapp.db import create_engine_from
from shopapp.embedded import start_server, stop_server
from shopapp.mail.outbox import FOLDER
from shopapp.migrations import upgrade
from shopapp.sessions.ids import SessionId
from shopapp.sessions.macs import Mac
from shopapp.sessions.signing import CookieSigner
from shopapp.settings.shop import load_settings
from shopapp.testing import TEST_SECRET
from shopapp.testing.shop import JSON, Mailbox, fill_with_demo, hash_quickly, link_of, log_in

WALNUT = "walnut plume arrow"

GOOD_FOR_SECONDS = 120
"""So long are the people's sessions young: nothing is due that a page which is only looked at would write."""

MEASURES = (b"throttle:",)
"""How the keys begin in which refused requests are counted: these change, and that is what they are for."""


@dataclass
class Person:
    """Somebody's browser: the cookies that it sends, and the keys in Redis that are theirs."""

    cookies: dict[str, str] = field(default_factory=dict)
    session_key: str = ""
    cart_key: str = ""


class House:
    """The shop, a visitor with a cart, the demo customer with one and an order, and links that were mailed."""

    def __init__(self, open_shop: Callable[[], Any], client: redis.Redis, database: Path) -> None:
        self.app, self.redis, self._signer = open_shop(), client, CookieSigner([TEST_SECRET])
        self._letters = self.app.registry[FOLDER].path
        self._database = sqlite3.connect(database, isolation_level=None)
        self._empty = sqlite3.connect(":memory:")
        self._database.backup(self._empty)
        self._full = sqlite3.connect(":memory:")
        self.build()

    def build(self) -> None:
        """Empty it, and let everybody in."""
        self._empty.backup(self._database)
        self.redis.flushall()
        self.words: dict[bytes, bytes] = {}
        """What a placeholder in an attempt stands for."""
        visitor, customer = TestApp(self.app), TestApp(self.app)
        self.people = {"nobody": Person(), "visitor": self._visit(visitor), "customer": self._sign_in(customer)}
        self.words[b"visitor_session"] = self.people["visitor"].session_key.encode()
        self.words[b"reset"] = self._mailed("/password/forgotten", email=demo.EMAIL)
        self.words[b"register"] = self._mailed("/register", email="new@example.com", name="New", password=WALNUT)
        address = {"email": "moved@example.com", "current_password": demo.PASSWORD}
        self.words[b"email"] = self._mailed("/account/email", customer, **address)
        self._database.backup(self._full)
        self._stored, self._rows = self._read_redis(), self._read_database()
        self._expiry = {key: self.redis.pttl(key) for key in self._stored}
        self._version, self._built = self._data_version(), time.monotonic()

    def refresh(self) -> None:
        """Build it anew if the people have been here for long."""
        if time.monotonic() - self._built > GOOD_FOR_SECONDS:
            self.build()

    def changes(self) -> list[str]:
        """Return what is stored otherwise than it was."""
        found, stored = [], self._read_redis()
        if stored != self._stored:
            keys = sorted({*stored, *self._stored})
            found += [f"redis {key!r}" for key in keys if stored.get(key) != self._stored.get(key)]
        if self._data_version() != self._version:
            rows = self._read_database()
            found += [
                f"table {table}" for table in sorted({*rows, *self._rows}) if rows.get(table) != self._rows.get(table)
            ]
        return found

    def sql(self, statement: str, *values: object) -> None:
        """Do what a shopkeeper does by SQL."""
        self._database.execute(statement, values)
        self._version = -1

    def letters(self) -> list[EmailMessage]:
        """Send what is due, and return it, the newest last."""
        for path in self._letters.iterdir():
            path.unlink()
        return Mailbox(self.app).letters()

    def put_back(self) -> None:
        """Have everything stored as it was."""
        self._full.backup(self._database)
        self._version = self._data_version()
        pipeline = self.redis.pipeline()
        pipeline.flushall()
        for key, value in self._stored.items():
            pipeline.restore(key, max(0, self._expiry[key]), value)
        pipeline.execute()

    def plant(self, key: str, kind: str, parts: list[bytes]) -> None:
        """Put something in the place of a key."""
        pairs = list(zip(parts[::2], parts[1::2], strict=False))
        self.redis.delete(key)
        match kind:
            case "hash" if pairs:
                self.redis.hset(key, mapping=dict(pairs))
            case "zset" if parts:
                self.redis.zadd(key, {part: number for number, part in enumerate(parts)})
            case "list" if parts:
                self.redis.rpush(key, *parts)
            case "set" if parts:
                self.redis.sadd(key, *parts)
            case _:
                self.redis.set(key, b"".join(parts))

    def sign(self, word: bytes, text: bytes) -> bytes | None:
        """Return the text with a signature of the shop under it, of this kind; None if there is no such kind."""
        match word:
            case b"cookie":
                return self._signer.dumps(text.decode("utf-8", "replace"))
            case b"form":
                return text + b"." + Mac(TEST_SECRET, "checkout form")(text)
            case b"record":
                key = self.people["customer"].session_key.encode()
                return Mac(TEST_SECRET, "session record")(key + b"\n" + text) + b"." + text
        return None

    def _visit(self, browser: TestApp) -> Person:
        fill(browser, "stoneware-mug", 1)
        placed = order(browser, sent(look(browser))).json
        self.words |= {b"order": placed["number"].encode(), b"key": placed["url"].partition("key=")[2].encode()}
        fill(browser, "opal-lamp", 1)
        browser.get("/")  # takes the messages that are shown once
        return self._person(browser, "cart:{{visitor:{handle}}}")

    def _sign_in(self, browser: TestApp) -> Person:
        log_in(TestApp(self.app))  # on another device, too
        log_in(browser)
        fill(browser, "stoneware-mug", 2)
        browser.get("/")
        person = self._person(browser, "cart:{{user:1}}")
        self.words |= {
            b"form": look(browser)["form"].encode(),
            b"session": person.cookies["session"].encode(),
            b"device": person.cookies["device"].encode(),
            b"handle": person.session_key.removeprefix("session:").encode(),
        }
        return person

    def _person(self, browser: TestApp, cart_key: str) -> Person:
        session_id = SessionId.parse(self._signer.loads(browser.cookies["session"].encode()))
        assert session_id is not None
        handle = session_id.handle
        return Person(dict(browser.cookies), f"session:{handle}", cart_key.format(handle=handle))

    def _mailed(self, path: str, browser: TestApp | None = None, **fields: str) -> bytes:
        """Return the token in the link that a form has mailed."""
        (browser or TestApp(self.app)).post(path, fields, headers=JSON)
        return parse_qs(urlsplit(link_of(Mailbox(self.app).last())).query)["token"][0].encode()

    def _read_redis(self) -> dict[bytes, bytes]:
        keys = sorted(key for key in self.redis.scan_iter(count=1000) if not key.startswith(MEASURES))
        pipeline = self.redis.pipeline(transaction=False)
        for key in keys:
            pipeline.dump(key)
        return dict(zip(keys, pipeline.execute(), strict=True))

    def _data_version(self) -> int:
        """Another number after each commit of somebody else that has changed anything."""
        return int(self._database.execute("PRAGMA data_version").fetchone()[0])

    def _read_database(self) -> dict[str, list[Any]]:
        tables = self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {name: sorted(self._database.execute(f'SELECT * FROM "{name}"'), key=repr) for (name,) in tables}


@contextmanager
def open_house(directory: Path) -> Iterator[House]:
    """Open a shop with a Redis and a database of its own in a directory, in which passwords are hashed quickly."""
    database = directory / "shop.sqlite"
    url = f"unix://{start_server(directory / 'valkey')}"
    client = redis.Redis.from_url(url)
    settings = {
        "redis.sessions.secret": TEST_SECRET,
        "redis.sessions.redis_url": url,
        "shop.database_url": f"sqlite:///{database}",
        "mail.url": f"folder:{directory / 'mail'}",
        "mail.thread": "false",
    }
    engine = create_engine_from(load_settings(settings, {}).shop)
    with engine.connect() as connection:
        upgrade(connection)
    fill_with_demo(engine)
    engine.dispose()
    with pytest.MonkeyPatch.context() as monkeypatch:
        hash_quickly(monkeypatch)
        monkeypatch.setattr(memory, "LOOK_SECONDS", 0.0)  # the database is put back behind the shop's back
        # Or a cart's copy, which its thread makes some seconds later, would be taken for the change of another attempt.
        monkeypatch.setattr(copying.Copier, "wake", lambda _copier: None)
        try:
            yield House(lambda: shopapp.main({}, **settings), client, database)
        finally:
            client.close()
            stop_server(directory / "valkey")
