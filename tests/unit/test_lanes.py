"""The slow lane in front of waitress's threads: what is in it keeps nothing else waiting."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from shopapp.lanes import PER_SECOND, TwoLanes
from waitress_site import waitress

HELD, ALL = 2, 12


class Site:
    """An app of which ``slow`` waits in a sign-in until it is told to go on, and answers all else at once."""

    def __init__(self) -> None:
        self.go_on, self.inside = threading.Event(), 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["QUERY_STRING"] == "wait":
            self.inside += 1
            self.go_on.wait(20)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


@contextmanager
def served(app: Any) -> Iterator[Any]:
    """Serve it with two threads; a function that asks, and returns how long that took, with the server's port and the
    connections that it has.
    """
    lanes = TwoLanes(2)
    lanes.open_slow_lane(HELD)
    with waitress(app, _dispatcher=lanes) as server:

        def ask(method: str, path: str, sender: str = "203.0.113.9") -> float:
            began = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", server.effective_port, timeout=20)
            connection.request(method, path, b"", {"X-Forwarded-For": sender})
            assert connection.getresponse().read() == b"ok"
            connection.close()
            return time.monotonic() - began

        ask.port, ask.connections = server.effective_port, server.active_channels  # type: ignore[attr-defined]
        yield ask


@pytest.mark.parametrize("path", ["/login", "//login", "/shop/login", "/%6Cogin", "/account/sessions/x/end"])
def test_pages_do_not_wait_for_what_hashes_passwords(path: str) -> None:
    site = Site()
    with served(site) as ask, ThreadPoolExecutor(ALL) as pool:
        waiting = [pool.submit(ask, "POST", f"{path}?wait") for _ in range(ALL)]
        while site.inside <= HELD:
            time.sleep(0.01)

        assert ask("GET", "/") < 5
        assert ask("GET", path) < 5
        assert ask("POST", "/cart/items") < 5
        assert site.inside == HELD + 1
        site.go_on.set()
        assert len([each.result() for each in waiting]) == ALL


def test_who_comes_alone_is_answered_at_once_and_a_flood_no_faster_than_so_many_a_second() -> None:
    number = 60
    with served(Site()) as ask, ThreadPoolExecutor(20) as pool:
        began = time.monotonic()
        list(pool.map(lambda _number: ask("POST", "/login"), range(number)))
        took = time.monotonic() - began

        assert took >= (number - HELD - 1) / PER_SECOND
        time.sleep((HELD + 1) / PER_SECOND)
        assert min(ask("POST", "/login") for _ in range(5)) < (HELD + 1) / PER_SECOND


def test_in_the_slow_lane_one_does_not_wait_for_all_that_another_has_sent() -> None:
    site, answered = Site(), []

    def send(name: str, sender: str) -> None:
        ask("POST", "/login?wait", sender)
        answered.append(name)

    with served(site) as ask, ThreadPoolExecutor(60) as pool:
        flood = [pool.submit(send, "flood", "203.0.113.9") for _ in range(50)]
        time.sleep(0.3)
        somebody = pool.submit(send, "somebody", "198.51.100.1")
        time.sleep(0.1)
        site.go_on.set()
        for each in [*flood, somebody]:
            each.result()

    assert answered.index("somebody") < 15


GOOD = b"GET / HTTP/1.1\r\n\r\n"
SLOW = b"POST /login HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
MALFORMED = [
    b"POST\r\n\r\n",
    b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    b"POST /login HTTP/1.1\r\nContent-Length: x\r\n\r\n",
]


@pytest.mark.parametrize("malformed", MALFORMED)
@pytest.mark.parametrize("before", [b"", GOOD, SLOW])
def test_a_malformed_request_is_refused_and_its_connection_ends(before: bytes, malformed: bytes) -> None:
    with served(Site()) as ask:
        with socket.create_connection(("127.0.0.1", ask.port), timeout=5) as connection:
            connection.sendall(before + malformed)
            answers = b"".join(iter(lambda: connection.recv(65536), b""))

        assert answers.count(b"HTTP/1.1 200 OK") == bool(before)
        assert b" 400 Bad Request\r\n" in answers
        assert ask("GET", "/") < 5


def test_connections_with_a_malformed_request_do_not_pile_up() -> None:
    with served(Site()) as ask:
        for malformed in 3 * MALFORMED:
            with socket.create_connection(("127.0.0.1", ask.port), timeout=5) as connection:
                connection.sendall(GOOD + malformed)
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
        deadline = time.monotonic() + 5
        while ask.connections and time.monotonic() < deadline:
            time.sleep(0.01)

        assert not ask.connections
