"""The Redis client: what it connects to, how soon it gives up, and what it calls an outage. Against a real server."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest
from redis import Redis
from redis.connection import SSLConnection, UnixDomainSocketConnection
from redis.exceptions import NoScriptError, OutOfMemoryError, ResponseError

from shopapp.embedded import start_server, stop_server
from shopapp.redis import StoreUnavailable, connect, unavailable_on_error
from shopapp.redis.nodes import node_at
from shopapp.sessions.client import make_client
from shopapp.sessions.settings import load_session_settings


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A directory for an embedded server, which is stopped afterwards."""
    yield tmp_path
    stop_server(tmp_path)


@pytest.fixture
def client(directory: Path) -> Iterator[Redis]:
    """A client of an embedded server."""
    with connect(f"embedded:{directory}") as client:
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

    with connect(f"embedded:{directory.name}") as client:
        assert client.config_get("dir") == {"dir": str(directory)}


def test_a_directory_may_have_spaces_and_percent_signs(tmp_path):
    directory = tmp_path / "my data 100%25?#"

    with connect(f"embedded:{directory}") as client:
        assert client.ping()
    stop_server(directory)


def test_a_unix_socket_with_a_password_is_reached_through_the_separate_keys(client, directory):
    client.config_set("requirepass", "p@ss/word %")
    keys = {"redis_unix_socket_path": str(directory / "valkey.sock"), "redis_password": "p@ss/word %", "secret": "s"}
    settings = load_session_settings({f"redis.sessions.{key}": value for key, value in keys.items()}, {})

    with make_client(settings) as other:
        assert other.ping()


@pytest.mark.parametrize(
    ("url", "expected"), [("rediss://host:6390/2", SSLConnection), ("unix:///run/r.sock", UnixDomainSocketConnection)]
)
def test_the_scheme_says_how_to_connect(url, expected):
    assert issubclass(connect(url).connection_pool.connection_class, expected)


def test_a_port_where_nobody_listens_is_an_outage_at_once():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    refusal = refused_within(0.5, connect(f"redis://127.0.0.1:{port}/0"))

    assert "Connection refused" in str(refusal)


def test_a_redis_that_does_not_answer_is_an_outage_within_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"

        refused_within(1.0, connect(url, socket_timeout=0.3))


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux lets one say when it gives up")
def test_without_any_timeout_the_system_s_own_is_an_outage_and_the_node_is_left_alone():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as callers:
        address = full.getsockname()
        for _ in range(3):  # nobody takes their calls, so the system answers no other
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(address)
        client = connect(f"redis://127.0.0.1:{address[1]}/0", socket_timeout=None)
        of_connection = {"socket_keepalive": True, "socket_keepalive_options": {socket.TCP_USER_TIMEOUT: 300}}
        client.connection_pool.connection_kwargs.update(of_connection)

        with pytest.raises(StoreUnavailable), client, unavailable_on_error(client):
            client.get("key")
        assert node_at(f"127.0.0.1:{address[1]}").away_because


def test_something_else_than_redis_is_an_outage():
    def answer() -> None:
        with stranger.accept()[0] as connection:
            connection.recv(1024)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as stranger:
        thread = Thread(target=answer)
        thread.start()

        refused_within(1.0, connect(f"redis://127.0.0.1:{stranger.getsockname()[1]}/0"))
        thread.join()


def test_a_wrong_password_is_an_outage_and_is_not_told(client, directory):
    client.config_set("requirepass", "right")

    refusal = refused_within(1.0, connect(f"unix://:wrong@{directory}/valkey.sock"))

    assert "wrong" not in str(refusal)


def test_a_restart_of_redis_goes_unnoticed(client, directory):
    client.set("key", "value")
    stop_server(directory)

    start_server(directory)

    assert client.get("key") == b"value"


def test_a_stopped_redis_is_an_outage(client, directory):
    client.set("key", "value")

    stop_server(directory)

    refused_within(0.5, client)


def test_a_command_whose_answer_is_lost_is_not_sent_again(directory):
    with connect(f"embedded:{directory}", socket_timeout=0.2) as client:
        client.set("count", 0)
        server = client.info("server")["process_id"]

        os.kill(server, signal.SIGSTOP)
        with pytest.raises(StoreUnavailable), unavailable_on_error():
            client.incr("count")
        os.kill(server, signal.SIGCONT)

        assert client.get("count") == b"1"


def test_a_full_redis_is_an_outage_that_repeats_no_data(client):
    client.config_set("maxmemory", "1")

    with pytest.raises(StoreUnavailable) as caught, unavailable_on_error():
        client.pipeline(transaction=False).set("key", "payload").execute()

    assert "maxmemory" in str(caught.value)
    assert "payload" not in str(caught.value)
    assert isinstance(caught.value.__cause__, OutOfMemoryError)


def test_a_replica_is_an_outage_for_what_writes(client):
    client.execute_command("REPLICAOF", "127.0.0.1", "1")

    with pytest.raises(StoreUnavailable), unavailable_on_error():
        client.set("key", "value")


def test_too_few_replicas_are_an_outage_for_what_writes(client):
    client.config_set("min-replicas-to-write", "1")

    with pytest.raises(StoreUnavailable) as caught, unavailable_on_error():
        client.set("key", "value")

    assert str(caught.value).startswith("NOREPLICAS")


def test_a_script_that_does_not_end_is_an_outage(client, directory):
    client.config_set("busy-reply-threshold", "10")
    with connect(f"embedded:{directory}") as endless:
        connection = endless.connection_pool.get_connection()
        connection.send_command("EVAL", "while true do end", 0)
        time.sleep(0.1)

        refusal = refused_within(0.5, client)
        client.script_kill()

    assert str(refusal).startswith("BUSY")


def test_a_mistake_in_a_command_is_no_outage(client):
    client.set("key", "value")

    with pytest.raises(ResponseError, match="WRONGTYPE"), unavailable_on_error():
        client.hget("key", "field")
    with pytest.raises(NoScriptError), unavailable_on_error():
        client.evalsha("0" * 40, 0)
