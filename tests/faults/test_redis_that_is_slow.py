"""Redis answers, but late: what needs it is late by no more than its budget, and what needs none is not late at all."""

import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from webtest import TestApp

import shopapp
from browsing import serve
from observing import cookie_of
from shopapp.catalog import demo
from shopapp.redis import connect
from shopapp.testing.shop import JSON, log_in
from slow_network import SlowNetwork

FAR = 0.3
"""Seconds to Redis and back, where a millisecond is usual."""


@pytest.fixture
def far_settings(slow_network: SlowNetwork, shop_settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of a shop with a network between it and its Redis."""
    del shop_settings["redis.sessions.redis_client_callable"]
    return {**shop_settings, "redis.sessions.redis_url": slow_network.url(), "redis.sessions.redis_waiting": "3"}


def test_who_waits_for_redis_leaves_threads_to_those_who_do_not(
    far_settings: dict[str, Any], slow_network: SlowNetwork
) -> None:
    app = shopapp.main({}, **far_settings)  # three may wait
    browser = TestApp(app)
    log_in(browser)
    cookie = cookie_of(browser)
    slow_network.seconds = FAR

    with serve(app, threads=4) as url, ThreadPoolExecutor(9) as pool:
        stop_at = time.monotonic() + 1.8
        signed_in = [pool.submit(_ask, url, "/account", {**JSON, **cookie}, stop_at) for _ in range(8)]
        time.sleep(0.3)
        looking = _ask(url, "/", JSON, stop_at)

    assert {status for status, _ in looking} == {200}
    # With all four threads waiting, each look would wait for one of them.
    assert sorted(seconds for _, seconds in looking)[len(looking) // 2] < FAR / 2
    answers = [answer for asked in signed_in for answer in asked.result()]
    assert {status for status, _ in answers} == {200, 503}


def _ask(url: str, path: str, headers: dict[str, str], until: float) -> list[tuple[int, float]]:
    answers = []
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    while time.monotonic() < until:
        began = time.monotonic()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        answers.append((response.status, time.monotonic() - began))
        time.sleep(0.01)
    connection.close()
    return answers


def test_a_request_waits_no_longer_than_its_budget_in_all(
    far_settings: dict[str, Any], slow_network: SlowNetwork
) -> None:
    app = shopapp.main({}, **{**far_settings, "redis.sessions.redis_budget": "0.7"})
    browser = TestApp(app)
    log_in(browser)
    slow_network.seconds = 0.5
    slow_network.turns.clear()

    began = time.monotonic()
    refusal = browser.post("/login", {"email": demo.EMAIL, "password": demo.PASSWORD}, headers=JSON, status=503)
    assert time.monotonic() - began < 0.95  # two answers would have taken a second
    assert refusal.headers["Retry-After"]
    assert len(slow_network.turns) == 2
    assert browser.get("/account", headers=JSON).status_int == 200  # to be late is not to hang


@pytest.mark.parametrize(("credentials", "database"), [("", 0), ("default:right@", 0), ("default:right@", 3)])
def test_a_new_connection_is_there_after_one_round_trip_at_most(
    slow_network: SlowNetwork, shop_redis: Any, credentials: str, database: int
) -> None:
    with connect(slow_network.url(credentials, database)) as client:
        if credentials:
            shop_redis.config_set("requirepass", "right")
        try:
            assert client.get("key") is None
        finally:
            shop_redis.config_set("requirepass", "")

    *greeting, _command = slow_network.turns
    assert len(greeting) == bool(credentials)


def test_connections_are_made_before_they_are_needed(far_settings: dict[str, Any], shop_redis: Any) -> None:
    there_are = shop_redis.info("clients")["connected_clients"]

    shopapp.main({}, **{**far_settings, "redis.sessions.redis_waiting": "5"})

    deadline = time.monotonic() + 5
    while shop_redis.info("clients")["connected_clients"] < there_are + 5:
        assert time.monotonic() < deadline
        time.sleep(0.01)
