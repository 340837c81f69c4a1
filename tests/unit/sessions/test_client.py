"""Which Redis client a request gets, and what an app's own function is told to make one of."""

import inspect
from pathlib import Path
from typing import Any

import pyramid_session_redis
import pytest
from pyramid import testing
from pyramid.request import Request
from pyramid.testing import DummyRequest
from redis import Redis
from redis.connection import SSLConnection, UnixDomainSocketConnection

from shopapp.embedded import stop_server
from shopapp.redis import client_of
from shopapp.sessions.client import client_options, find_client
from shopapp.sessions.settings import load_session_settings

KEYWORDS = {
    "host": "localhost",
    "port": 6379,
    "db": 0,
    "password": None,
    "socket_timeout": 1.0,
    "connection_pool": None,
    "unix_socket_path": None,
    "encoding": "utf-8",
    "encoding_errors": "strict",
}


def told(request: Request, **options: Any) -> tuple[Request, dict[str, Any]]:
    """An app's own function, which gives back what it was told."""
    return request, options


def options_of(**keys: str) -> dict[str, Any]:
    """Return what an app's own function is told with these ``redis.sessions.*`` keys."""
    raw = {f"redis.sessions.{key}": value for key, value in {"secret": "s", **keys}.items()}
    return client_options(load_session_settings(raw, {}))


def test_without_a_function_all_requests_have_one_client() -> None:
    with testing.testConfig() as config:
        of = find_client(config, load_session_settings({"redis.sessions.secret": "s"}, {}))

    assert isinstance(of(DummyRequest()), Redis)
    assert of(DummyRequest()) is of(DummyRequest())


def test_the_function_is_told_the_request_and_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyramid_session_redis, "told", told, raising=False)
    raw = {"redis.sessions.secret": "s", "redis.sessions.redis_client_callable": "pyramid_session_redis.told"}

    with testing.testConfig() as config:
        config.registry["shopapp.redis"] = find_client(config, load_session_settings(raw, {}))
        request = DummyRequest()
        found = client_of(request)

    assert found == (request, KEYWORDS)


def test_the_library_tells_its_function_the_same() -> None:
    def found(request: Request, **options: Any) -> None:
        assert options == KEYWORDS
        raise InterruptedError

    factory = pyramid_session_redis.RedisSessionFactory(
        "s",
        redis_client_callable=found,
        redis_socket_timeout=1.0,
        redis_encoding="utf-8",
        redis_encoding_errors="strict",
    )

    with pytest.raises(InterruptedError):
        factory(DummyRequest())


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"redis_host": "cache", "redis_port": "6380", "redis_db": "2"}, {"host": "cache", "port": 6380, "db": 2}),
        ({"redis_password": "p@/%"}, {"password": "p@/%"}),
        ({"redis_unix_socket_path": "/run/r.sock"}, {"unix_socket_path": "/run/r.sock"}),
        ({"redis_socket_timeout": "0.5"}, {"socket_timeout": 0.5}),
        ({"redis_encoding": "latin-1", "redis_encoding_errors": "ignore"}, {"encoding": "latin-1"}),
        ({"redis_url": "redis://:p%40@h:6380/3", "redis_port": "1"}, {"host": "h", "port": 6380, "password": "p@"}),
        ({"redis_url": "redis://h", "redis_port": "1"}, {"host": "h", "port": 6379}),
        ({"redis_url": "redis://me:p@h"}, {"username": "me", "password": "p"}),
        ({"redis_url": "rediss://h/1?ssl_cert_reqs=none"}, {"ssl": True, "ssl_cert_reqs": "none", "db": 1}),
        ({"redis_url": "unix:///run/r.sock?db=4"}, {"unix_socket_path": "/run/r.sock", "db": 4}),
        ({"redis_url": "redis+cluster://h:7000"}, {"host": "h", "port": 7000}),
    ],
)
def test_the_options_are_what_the_settings_say(keys: dict[str, str], expected: dict[str, Any]) -> None:
    found = options_of(**keys)

    assert found | expected == found
    assert found.keys() >= KEYWORDS.keys()
    assert found.keys() <= set(inspect.signature(Redis).parameters)


@pytest.mark.parametrize(
    ("url", "connection"),
    [("rediss://h", SSLConnection), ("unix:///run/r.sock", UnixDomainSocketConnection)],
)
def test_the_options_make_the_client_that_the_url_means(url: str, connection: type) -> None:
    assert Redis(**options_of(redis_url=url)).connection_pool.connection_class is connection


def test_an_embedded_server_is_started_for_the_function(tmp_path: Path) -> None:
    try:
        with Redis(**options_of(redis_url=f"embedded:{tmp_path}")) as client:
            assert client.ping()
    finally:
        stop_server(tmp_path)
