"""Connections that are idle or send a byte now and then: within the limits of production.ini others are answered."""

import configparser
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from browsing import serve

ROOT = Path(__file__).parents[2]
LIMITS = (
    "connection_limit",
    "asyncore_use_poll",
    "channel_timeout",
    "cleanup_interval",
    "max_request_header_size",
    "inbuf_overflow",
)
SLOW = 200
BEGINNINGS = (
    b"",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\ne",
)
"""A connection that says nothing, one that never ends its headers, and one that never ends its body."""


def limits_of(ini: str) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / ini)
    return {name: parser["server:main"][name] for name in LIMITS}


@contextmanager
def slow_connections(address: str, number: int = SLOW) -> Iterator[list[socket.socket]]:
    """So many of them, each of which sends one more byte from time to time if asked to."""
    host, _, port = address.partition(":")
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_connection((host, int(port)), 10)) for _ in range(number)]
        for count, each in enumerate(sockets):
            each.sendall(BEGINNINGS[count % len(BEGINNINGS)])
        yield sockets


def seconds_to_answer(address: str) -> float:
    start = time.monotonic()
    connection = HTTPConnection(address, timeout=30)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()
    return time.monotonic() - start


def test_200_slow_connections_do_not_keep_others_waiting(shop_app: Callable[..., Any]) -> None:
    with serve(shop_app, **limits_of("production.ini")) as site:
        address = urlsplit(site).netloc
        with slow_connections(address) as sockets:
            taken = [seconds_to_answer(address)]
            for each in sockets[1:]:
                each.sendall(b"x")
            taken.append(seconds_to_answer(address))

    assert max(taken) < 1


def test_a_connection_that_is_silent_is_closed(shop_app: Callable[..., Any]) -> None:
    quick = {**limits_of("production.ini"), "channel_timeout": "1", "cleanup_interval": "1"}
    with serve(shop_app, **quick) as site, slow_connections(urlsplit(site).netloc, 3) as sockets:
        for each in sockets:
            each.settimeout(10)
            assert each.recv(1000) == b""


def test_both_inis_have_the_same_limits() -> None:
    assert limits_of("development.ini") == limits_of("production.ini")


def test_headers_without_end_are_refused(shop_app: Callable[..., Any]) -> None:
    with serve(shop_app, **limits_of("production.ini")) as site:
        host, _, port = urlsplit(site).netloc.partition(":")
        with socket.create_connection((host, int(port)), 10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 40_000)
            assert connection.recv(100).startswith(b"HTTP/1.0 431 ")


def test_with_the_limits_that_waitress_has_by_itself_they_do(shop_app: Callable[..., Any]) -> None:
    """Why ours are there: when this fails, they may go."""
    with (
        serve(shop_app) as site,
        slow_connections(urlsplit(site).netloc, 110),
        closing(HTTPConnection(urlsplit(site).netloc, timeout=1.5)) as connection,
    ):
        connection.request("GET", "/healthz")
        with pytest.raises(TimeoutError):
            connection.getresponse()
