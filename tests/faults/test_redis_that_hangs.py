"""Redis is there but does not answer: what needs it says so soon, however many ask, and the rest goes on."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import redis
from webtest import TestApp

from shopapp.redis import HANG_SECONDS
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON

THREADS, REQUESTS, TIMEOUT_SECONDS = 4, 40, 0.2


def test_a_hang_holds_each_thread_once_and_not_each_request(
    customer: TestApp, new_visitor: Any, shop_redis: ObservedRedis
) -> None:
    cookie, tried, lock = f"session={customer.cookies['session']}", [], threading.Lock()

    def hang(name: str) -> None:
        with lock:
            tried.append(name)
        time.sleep(TIMEOUT_SECONDS)
        raise redis.exceptions.TimeoutError("Timeout reading from socket")

    def ask(_number: int) -> int:
        return new_visitor().get("/account", headers={**JSON, "Cookie": cookie}, status="*").status_int

    shop_redis.before = hang
    with ThreadPoolExecutor(THREADS) as pool:
        assert set(pool.map(ask, range(REQUESTS))) == {503}
    assert new_visitor().get("/").status_int == 200

    # An error page tries once more for its frame, so a thread may be held twice before all know.
    assert len(tried) <= 2 * THREADS

    shop_redis.before = lambda _name: None
    assert customer.get("/account", headers=JSON, status=503)
    time.sleep(HANG_SECONDS)
    assert customer.get("/account", headers=JSON).json["email"] == "demo@example.com"


def test_a_refused_connection_is_tried_again_at_once(customer: TestApp, shop_redis: ObservedRedis) -> None:
    def refuse(_name: str) -> None:
        raise redis.exceptions.ConnectionError("Connection refused")

    shop_redis.before = refuse
    customer.get("/account", headers=JSON, status=503)
    shop_redis.before = lambda _name: None

    assert customer.get("/account", headers=JSON).status_int == 200
