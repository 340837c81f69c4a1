"""Redis says at once that it cannot serve for a while: it is left alone until it can, and everybody else is told."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from observing import times_away
from shopapp.redis import StoreUnavailable, connect, unavailable_on_error
from shopapp.redis.nodes import Node, node_at
from shopapp.valkey import server_binary

KEYS = 100
PATIENCE_SECONDS = 10


@contextmanager
def server(directory: Path, **options: object) -> Iterator[str]:
    """A server on the data in a directory; the value is its URL."""
    words = {"port": 0, "unixsocket": directory / "redis.sock", "dir": directory, "save": "", **options}
    arguments = [str(word) for name, value in words.items() for word in (f"--{name.replace('_', '-')}", value)]
    process = subprocess.Popen([server_binary(), *arguments], stdout=subprocess.DEVNULL)
    try:
        yield f"unix://{directory / 'redis.sock'}"
    finally:
        process.kill()
        process.wait()


def node_of(client: redis.Redis) -> Node:
    """What this process knows of a server."""
    return node_at(client.connection_pool.connection_kwargs["path"])


def get(client: redis.Redis) -> str:
    """Return what became of a command, in a word."""
    try:
        with unavailable_on_error(client):
            client.get("key:1")
    except StoreUnavailable as error:
        return str(error)
    return "answered"


def wait_until_answered(client: redis.Redis, but_for: str) -> list[float]:
    """Ask until there is an answer, and nothing else than these words before; return how long each refusal took."""
    refusals, deadline = [], time.monotonic() + PATIENCE_SECONDS
    while True:
        began = time.monotonic()
        answer = get(client)
        if answer == "answered":
            return refusals
        assert but_for in answer
        assert time.monotonic() < deadline
        refusals.append(time.monotonic() - began)
        time.sleep(0.005)


def test_what_loads_its_data_is_left_alone_until_it_is_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with server(tmp_path) as url, redis.Redis.from_url(url) as plain:
        _wait_for(plain)
        for number in range(KEYS):
            plain.set(f"key:{number}", os.urandom(2000))
        plain.save()

    slowly = {"key_load_delay": 10_000, "loading_process_events_interval_bytes": 2048}
    with server(tmp_path, **slowly) as url, redis.Redis.from_url(url) as plain, connect(url) as client:
        _wait_for(plain)
        refusals = wait_until_answered(client, "loading")
        asked_at_most = plain.info("commandstats").get("cmdstat_get", {"calls": 0})

    assert len(refusals) > 10
    assert sorted(refusals)[len(refusals) * 9 // 10] < 0.1
    assert asked_at_most["calls"] + asked_at_most.get("rejected_calls", 0) <= 3
    assert times_away(caplog, node_of(client)) == 1


def _wait_for(client: redis.Redis) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            client.info("server")
        except redis.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        else:
            return


def test_what_is_busy_with_a_script_is_left_alone_until_that_ends(tmp_path: Path) -> None:
    with server(tmp_path, busy_reply_threshold=10) as url, connect(url) as client, connect(url) as endless:
        _wait_for(client)
        endless.connection_pool.get_connection().send_command("EVAL", "while true do end", 0)
        time.sleep(0.1)

        began = time.monotonic()
        assert get(client).startswith("BUSY")
        assert get(client).startswith("BUSY")
        assert time.monotonic() - began < 0.3
        assert node_of(client).away_because.startswith("BUSY")
        client.script_kill()
        wait_until_answered(client, "BUSY")


@pytest.mark.parametrize(
    "says",
    [
        "The user executing the script can't run this command or subcommand",
        "The user executing the script can't access at least one of the keys mentioned in the command arguments",
        "ACL failure in script: User shop has no permissions to run the 'del' command",
        "Error running script (call to f_a90c): @user_script:7: The user executing the script can't run this command",
        "Error running script (call to f_a90c): @user_script:7: @user_script: 7: -OOM command not allowed",
        "Error running script (call to f_a90c): @user_script:7: @user_script: 7: -READONLY You can't write here",
    ],
)
def test_what_scripts_are_denied_is_an_outage_in_the_words_of_every_version(shop_redis: redis.Redis, says: str) -> None:
    with pytest.raises(StoreUnavailable), unavailable_on_error(shop_redis):
        shop_redis.eval(f'return redis.error_reply("ERR {says}")', 0)


def test_a_fault_of_a_script_is_no_outage(shop_redis: redis.Redis) -> None:
    says = "ERR Error running script (call to f_a90c): @user_script:7: attempt to compare nil with number"

    with pytest.raises(redis.ResponseError), unavailable_on_error(shop_redis):
        shop_redis.eval(f'return redis.error_reply("{says}")', 0)
