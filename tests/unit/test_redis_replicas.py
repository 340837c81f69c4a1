"""Waiting for replicas: each write with a WAIT behind it, on the same connection, and every answer where it belongs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoScriptError, ResponseError, TimeoutError

from shopapp.embedded import stop_server
from shopapp.redis import StoreUnavailable, connect, unavailable_on_error

TOO_FEW = "NOREPLICAS 0 of 1 replicas have the write"


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Redis]:
    """A client that waits for a replica, of a server that has none."""
    with connect(f"embedded:{tmp_path}", min_replicas=1, socket_timeout=0.2) as client:
        yield client
    stop_server(tmp_path)


def test_a_write_that_no_replica_has_is_an_outage_and_is_done(alone: Redis) -> None:
    with pytest.raises(StoreUnavailable, match=TOO_FEW), unavailable_on_error(alone):
        alone.set("key", "value")

    assert alone.get("key") == b"value"


def test_what_changes_nothing_waits_for_nobody(alone: Redis) -> None:
    assert (alone.ping(), alone.hgetall("key"), alone.exists("key")) == (True, {}, 0)
    assert alone.config_get("port") == {"port": "0"}
    assert list(alone.scan_iter()) == []


def test_each_answer_of_a_pipeline_is_that_of_its_command(alone: Redis) -> None:
    pipeline = alone.pipeline(transaction=False).get("key").set("key", "a").get("key").hget("key", "field").zcard("z")

    none, refused, value, wrong, count = pipeline.execute(raise_on_error=False)

    assert (none, str(refused), value, count) == (None, TOO_FEW, b"a", 0)
    assert "WRONGTYPE" in str(wrong)
    assert alone.get("key") == b"a"


def test_a_refusal_of_the_write_is_told_before_that_of_its_replicas(alone: Redis) -> None:
    with pytest.raises(NoScriptError):
        alone.evalsha("0" * 40, 0)
    assert alone.ping()


def test_a_transaction_waits_once_and_behind_its_end(alone: Redis) -> None:
    with pytest.raises(ResponseError, match="NOREPLICAS"):
        alone.pipeline(transaction=True).set("a", 1).set("b", 2).execute()

    assert (alone.get("a"), alone.get("b")) == (b"1", b"2")


def test_an_answer_that_comes_late_is_still_that_of_its_command(alone: Redis) -> None:
    connection = alone.connection_pool.get_connection()
    connection.send_command("SET", "key", "value")
    connection.send_command("GET", "key")

    with pytest.raises(TimeoutError):  # the write's own answer is there, that of WAIT is not
        connection.read_response(timeout=0.01, disconnect_on_error=False)
    with pytest.raises(ResponseError, match=TOO_FEW):
        connection.read_response()

    assert connection.read_response() == b"value"
    alone.connection_pool.release(connection)
