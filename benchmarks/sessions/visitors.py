"""Visitors of a contender: they sign in and get their cookies, see that it does what it should, and fill one cart."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from benchmarks.contenders import BenchmarkError
from benchmarks.load import Request
from benchmarks.traffic import Traffic

FIGURES = {"ping": "ping", "read": "read the cart", "add": "add to it", "login": "log in and out"}

SKUS = ("beeswax-candles", "brass-pen", "camp-lantern", "stoneware-mug")
"""Every cart holds these from the start: its counts grow, its size does not."""

VISITORS = 64
"""Four for each connection, served in turn: so no two requests that are in flight have the same one."""

THREADS, ADDS = 8, 50


@dataclass
class Visitor:
    """A connection that is kept open, and one cookie."""

    connection: HTTPConnection
    cookie: str = ""

    def send(self, method: str, path: str) -> tuple[int, Any]:
        """Return the status and the JSON of the answer; keep the cookie that it sets."""
        self.connection.request(method, path, headers={"Cookie": self.cookie} if self.cookie else {})
        answer = self.connection.getresponse()
        body = answer.read()
        cookie = answer.getheader("Set-Cookie")
        if cookie:
            self.cookie = cookie.partition(";")[0]
        return answer.status, json.loads(body) if answer.status == 200 else None


def connect(port: int) -> HTTPConnection:
    """Return a connection to an app on this machine."""
    return HTTPConnection("127.0.0.1", port, timeout=10)


def check(name: str, port: int) -> None:
    """See that a contender serves its five routes as it should. Raises BenchmarkError."""
    with closing(connect(port)) as connection:
        visitor = Visitor(connection)
        answers = [visitor.send(*request) for request in (("GET", "/ping"), ("POST", "/cart/a"), ("POST", "/login/1"))]
        signed_in = visitor.cookie
        answers += [visitor.send("POST", "/cart/a"), visitor.send("GET", "/cart"), visitor.send("POST", "/logout")]
        answers.append(Visitor(connection, signed_in).send("GET", "/cart"))
    bodies = [{"ok": True}, {"a": 1}, {"ok": True}, {"a": 2}, {"a": 2}, {"ok": True}, {}]
    if answers != [(200, body) for body in bodies] or not signed_in:
        raise BenchmarkError(f"{name} does not do what it should: {answers}")


def signed_in_cookies(port: int, number: int = VISITORS) -> list[str]:
    """Sign so many visitors in, put one of each article into their carts and return their cookies."""
    cookies = []
    with closing(connect(port)) as connection:
        for user in range(1, number + 1):
            visitor = Visitor(connection)
            for path in (f"/login/{user}", *(f"/cart/{sku}" for sku in SKUS)):
                status, _body = visitor.send("POST", path)
                if status != 200:
                    raise BenchmarkError(f"POST {path} was answered with {status}")
            cookies.append(visitor.cookie)
    return cookies


def traffic(figure: str, cookies: list[str]) -> Traffic:
    """Return what is sent for a figure: by each visitor in turn, and to each of the articles."""
    if figure == "ping":
        return Traffic([Request("GET", "/ping")])
    if figure == "login":
        return Traffic()
    requests = {"read": lambda _sku: Request("GET", "/cart"), "add": lambda sku: Request("POST", f"/cart/{sku}")}
    return Traffic([requests[figure](sku).with_cookie(cookie) for sku in SKUS for cookie in cookies])


def kept_adds(port: int) -> tuple[int, int, int]:
    """Add to one cart from several threads with one cookie; return how many adds were kept, accepted and sent."""
    cookie, sku = signed_in_cookies(port, 1)[0], SKUS[0]

    def add(_thread: int) -> int:
        with closing(connect(port)) as connection:
            # A visitor for each request: the cookie stays the one that all threads share.
            return sum(Visitor(connection, cookie).send("POST", f"/cart/{sku}")[0] == 200 for _ in range(ADDS))

    with ThreadPoolExecutor(THREADS) as pool:
        accepted = sum(pool.map(add, range(THREADS), timeout=120))
    with closing(connect(port)) as connection:
        _status, cart = Visitor(connection, cookie).send("GET", "/cart")
    return cart[sku] - 1, accepted, THREADS * ADDS
