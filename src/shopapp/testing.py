"""Fixtures for test suites: a running Valkey, the shop on it, and people who use it. Needs the extra ``test``.

Take them with ``pytest_plugins = ["shopapp.testing"]`` in a conftest.py. Every test has an empty Redis and a freshly
filled SQLite database of its own; the server is real and shared by all tests of the run.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from pyramid.request import Request
from sqlalchemy.orm import Session
from webtest import TestApp

import shopapp
from shopapp.catalog import demo
from shopapp.db import create_engine_from
from shopapp.embedded import start_server, stop_server
from shopapp.migrations import upgrade
from shopapp.settings import load_settings

TEST_SECRET = "a-secret-for-tests-only-7f3a9b51c2d84e60"  # noqa: S105 - it guards nothing
JSON = {"Accept": "application/json"}


class Observed:
    """Notes each round trip of a Redis client, and can make it wait or fail before one: for counts and races.

    ``commands`` lists the names of the commands sent. ``before`` is called with a command's name before it is sent.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self.commands: list[str] = []
        self.before: Callable[[str], None] = lambda _name: None
        super().__init__(*args, **options)  # a cluster's client sends commands from here

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Note the command, then send it."""
        self.before(args[0])
        self.commands.append(args[0])
        return super().execute_command(*args, **options)

    def pipeline(self, *args: Any, **options: Any) -> Any:
        """Note the pipeline, which is one round trip however many commands it holds."""
        self.before("PIPELINE")
        self.commands.append("PIPELINE")
        return super().pipeline(*args, **options)

    @staticmethod
    def of(request: Request, **_options: Any) -> Any:
        """For ``redis.sessions.redis_client_callable``."""
        return request.registry.settings["shopapp.testing.redis"]


class ObservedRedis(Observed, redis.Redis):
    """The real client of a single server, observed."""


class ObservedCluster(Observed, redis.RedisCluster):
    """The real client of a cluster, observed."""


@pytest.fixture(scope="session")
def shop_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a running Valkey, stopped after the last test."""
    directory = tmp_path_factory.mktemp("valkey")
    yield f"unix://{start_server(directory)}"
    stop_server(directory)


@pytest.fixture(scope="session")
def shop_database_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema and the demo data, to be copied."""
    path = tmp_path_factory.mktemp("database") / "shop.sqlite"
    settings = load_settings({"redis.sessions.secret": TEST_SECRET, "shop.database_url": f"sqlite:///{path}"}, {})
    engine = create_engine_from(settings.shop)
    with engine.connect() as connection:
        upgrade(connection)
    with Session(engine) as dbsession, dbsession.begin():
        demo.fill(dbsession)
    engine.dispose()
    return path


@pytest.fixture
def shop_redis(shop_valkey: str) -> Iterator[ObservedRedis]:
    """The client that the shop uses, on an empty Redis."""
    client = ObservedRedis.from_url(shop_valkey)
    client.flushall()
    client.script_flush()
    client.commands.clear()
    yield client
    client.close()


@pytest.fixture
def shop_settings(shop_redis: ObservedRedis, shop_database_template: Path, tmp_path: Path) -> dict[str, Any]:
    """The settings of the shop, to be changed before ``shop_app`` is made of them."""
    database = shutil.copy(shop_database_template, tmp_path / "shop.sqlite")
    return {
        "redis.sessions.secret": TEST_SECRET,
        "redis.sessions.redis_client_callable": "shopapp.testing.ObservedRedis.of",
        "shopapp.testing.redis": shop_redis,
        "shop.database_url": f"sqlite:///{database}",
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
