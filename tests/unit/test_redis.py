"""The Redis client: what it connects to, how soon it gives up, and what it calls an outage. Against a real server."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.connection import SSLConnection, UnixDomainSocketConnection
from redis.exceptions import NoScriptError, ResponseError

from shopapp.embedded import start_server, stop_server
from shopapp.redis import StoreUnavailable, connect, unavailable_on_error
from shopapp.settings import SessionSettings, load_session_settings


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A directory for an embedded server, which is stopped afterwards."""
    yield tmp_path
    stop_server(tmp_path)


@pytest.fixture
def client(directory: Path) -> Iterator[Redis]:
    """A client of an embedded server."""
    with connect(SessionSettings(redis_url=f"embedded:{directory}")) as client:
        yield client


def refused_within(seconds: float, client: Redis) -> StoreUnavailable:
    """Ask for a key, and return the refusal, which has to come in time."""
    started = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught, client, unavailable_on_error():
        client.get("key")
    assert time.monotonic() - started < seconds
    return caught.value


def test_an_embedded_server_answers(client):
    assert client.set("key", "value")
    assert client.get("key") == b"value"


def test_a_relative_directory_starts_at_the_working_directory(directory, monkeypatch):
    monkeypatch.chdir(directory.parent)

    with connect(SessionSettings(redis_url=f"embedded:{directory.name}")) as client:
        assert client.config_get("dir") == {b"dir": str(directory).encode()} or {"dir": str(directory)}
    assert (directory / "valkey.sock").is_socket()


def test_a_directory_may_have_spaces_and_percent_signs(tmp_path):
    directory = tmp_path / "my data 100%25?#"

    with connect(SessionSettings(redis_url=f"embedded:{directory}")) as client:
        assert client.ping()
    stop_server(directory)


def test_a_unix_socket_with_a_password_is_reached_through_the_separate_keys(client, directory):
    client.config_set("requirepass", "p@ss/word %")
    keys = {"redis_unix_socket_path": str(directory / "valkey.sock"), "redis_password": "p@ss/word %", "secret": "s"}
    settings = load_session_settings({f"redis.sessions.{key}": value for key, value in keys.items()}, {})

    with connect(settings) as other:
        assert other.ping()


@pytest.mark.parametrize(
    ("url", "expected"), [("rediss://host:6390/2", SSLConnection), ("unix:///run/r.sock", UnixDomainSocketConnection)]
)
def test_the_scheme_says_how_to_connect(url, expected):
    assert connect(SessionSettings(redis_url=url)).connection_pool.connection_class is expected


def test_a_port_where_nobody_listens_is_an_outage_at_once():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    refusal = refused_within(0.5, connect(SessionSettings(redis_url=f"redis://127.0.0.1:{port}/0")))

    assert "Connection refused" in str(refusal)


def test_a_redis_that_does_not_answer_is_an_outage_within_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"

        refused_within(1.0, connect(SessionSettings(redis_url=url, redis_socket_timeout=0.3)))


def test_something_else_than_redis_is_an_outage():
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        client = connect(SessionSettings(redis_url=f"redis://127.0.0.1:{stranger.getsockname()[1]}/0"))
        connection = client.connection_pool.make_connection()
        connection.retry.call_with_retry(connection._connect, print).close()
        stranger.accept()[0].close()
