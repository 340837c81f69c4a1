"""Redis is there but does not answer: that costs a second, once; one thread looks when it is back; the rest goes on."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from webtest import TestApp

import shopapp
from observing import cookie_of, times_away
from shopapp.embedded import start_server, stop_server
from shopapp.redis import StoreUnavailable, connect, unavailable_on_error
from shopapp.redis.nodes import Node, node_at
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

THREADS = 16
FROZEN_SECONDS = 2.5
AT_ONCE = 0.5
"""More than a page takes on a busy machine with all threads at work, and less than the second that one answer gets."""


def nearly_all(seconds: list[float]) -> float:
    """Return how long it took at most, but for the one in twenty for which a busy machine had no time."""
    return sorted(seconds)[len(seconds) * 19 // 20]


def process_of(client: redis.Redis) -> int:
    return client.info("server")["process_id"]


@contextmanager
def frozen(process: int) -> Iterator[None]:
    """Have a process do nothing at all, as one whose disk or host hangs."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[redis.Redis]:
    """A server for this test alone, whose app finds it by its URL as in production."""
    with redis.Redis(unix_socket_path=str(start_server(tmp_path / "redis"))) as client:
        yield client
    stop_server(tmp_path / "redis")


@pytest.fixture
def own_settings(own_redis: redis.Redis, shop_settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of the shop on it, on a server with as many threads as in production."""
    del shop_settings["redis.sessions.redis_client_callable"]
    path = own_redis.connection_pool.connection_kwargs["path"]
    return {**shop_settings, "redis.sessions.redis_url": f"unix://{path}", "redis.sessions.redis_waiting": "12"}


@pytest.fixture
def shop(own_settings: dict[str, Any]) -> Any:
    """The shop on it."""
    return shopapp.main({}, **own_settings)


def node_of(client: redis.Redis) -> Node:
    """What this process knows of a server."""
    return node_at(client.connection_pool.connection_kwargs["path"])


def eventually(is_so: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)


def test_a_hang_costs_one_second_once_and_recovery_is_at_once(
    shop: Any, own_redis: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    browser, process = TestApp(shop), process_of(own_redis)
    log_in(browser)
    cookie, answers, is_over = cookie_of(browser), [], threading.Event()

    def look_around() -> None:
        while not is_over.wait(0.2):
            for path in ("/", "/account"):
                began = time.monotonic()
                status = TestApp(shop).get(path, headers={**JSON, **cookie}, status="*").status_int
                answers.append((path, began, time.monotonic(), status))

    def answered(path: str, since: float, until: float) -> list[tuple[float, int]]:
        return [(to - at, status) for where, at, to, status in answers if where == path and since < at < until]

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(THREADS):
            pool.submit(look_around)
        with frozen(process):
            from_here = time.monotonic()
            time.sleep(FROZEN_SECONDS)
            thawed = time.monotonic()
        eventually(lambda: not node_of(own_redis).away_because, 0.5)
        time.sleep(1.2)
        is_over.set()

    assert max(seconds for seconds, _ in answered("/", from_here - 1, thawed)) < 1.5 + AT_ONCE
    later = answered("/", from_here + 1.2, thawed)
    assert {status for _, status in later} == {200}  # nobody knows for whom
    assert nearly_all([seconds for seconds, _ in later]) < AT_ONCE
    accounts = answered("/account", from_here + 1.2, thawed)
    assert {status for _, status in accounts} == {503}
    assert nearly_all([seconds for seconds, _ in accounts]) < AT_ONCE
    assert times_away(caplog, node_of(own_redis)) == 1
    assert {status for _, status in answered("/account", thawed + 0.5, time.monotonic())} == {200}


def test_a_refused_connection_is_tried_again_at_once(customer: TestApp, shop_redis: ObservedRedis) -> None:
    def refuse(_name: str) -> None:
        raise redis.exceptions.ConnectionError("Connection refused")

    shop_redis.before = refuse
    customer.get("/account", headers=JSON, status=503)
    shop_redis.before = lambda _name: None

    assert customer.get("/account", headers=JSON).status_int == 200


def test_a_start_does_not_wait_for_a_redis_that_hangs(own_redis: redis.Redis, own_settings: dict[str, Any]) -> None:
    with frozen(process_of(own_redis)):
        began = time.monotonic()
        assert TestApp(shopapp.main({}, **own_settings)).get("/").status_int == 200
        assert time.monotonic() - began < 1.0 + AT_ONCE


def test_a_node_of_a_cluster_that_hangs_takes_its_own_slots_away_and_no_others(cluster: Any, cluster_url: str) -> None:
    client = connect(cluster_url)
    keys = {client.get_node_from_key(str(number)).port: str(number) for number in range(100)}
    hanging, *healthy = keys
    process = redis.Redis(port=hanging).info("server")["process_id"]
    asked: list[tuple[int, float, float, bool]] = []
    is_over = threading.Event()

    def ask(port: int) -> None:
        while not is_over.wait(0.01):
            began, is_there = time.monotonic(), True
            try:
                with unavailable_on_error(client):
                    client.get(keys[port])
            except StoreUnavailable:
                is_there = False
            asked.append((port, began, time.monotonic() - began, is_there))

    with ThreadPoolExecutor(3 * len(keys)) as pool:
        for port in 3 * list(keys):
            pool.submit(ask, port)
        with frozen(process):
            from_here = time.monotonic()
            time.sleep(FROZEN_SECONDS)
            thawed = time.monotonic()
        time.sleep(0.5)
        is_over.set()

    others = [(seconds, is_there) for port, _, seconds, is_there in asked if port in healthy]
    assert all(is_there for _, is_there in others)
    assert nearly_all([seconds for seconds, _ in others]) < AT_ONCE
    lost = [(at, seconds, is_there) for port, at, seconds, is_there in asked if port == hanging]
    later = [(seconds, is_there) for at, seconds, is_there in lost if from_here + 1.2 < at < thawed]
    assert not any(is_there for _, is_there in later)
    assert nearly_all([seconds for seconds, _ in later]) < AT_ONCE
    assert all(is_there for at, _, is_there in lost if at > thawed + 0.4)
    client.close()
