"""What the clients send: a browser with its cookies, and a note of every answer, and of every one that did not come."""

import http.client
import json
import random
import re
import threading
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

from benchmarks.soak.world import APPS, HOST
from shopapp.accounts.hashing import usual_number

NO_ANSWER = 0
"""Stands for the status where the connection broke."""
TIMEOUT_SECONDS = 75.0
"""Longer than the proxy waits."""
MOST_PAUSE_SECONDS = 10.0
PATIENCE_SECONDS = 90.0
"""So long is a request sent again that failed: longer than any fault lasts."""

HASHED = {"/login", "/register", "/account/password"}

Fields = Mapping[str, Any]

NAMES = [
    (re.compile(r"/products/[^/]+"), "/products/{sku}"),
    (re.compile(r"/cart/items/[^/]+"), "/cart/items/{sku}"),
    (re.compile(r"/orders/[^/]+"), "/orders/{number}"),
    (re.compile(r"/account/sessions/(?!end-others)[^/]+/end"), "/account/sessions/{handle}/end"),
]


class Hit(NamedTuple):
    """One request."""

    began: float
    ended: float
    what: str
    status: int
    is_look: bool
    """Whether a visitor without a cookie looked at the catalogue, which needs no Redis."""
    is_put_off: bool = False
    """Whether it was asked to wait, which is no failure."""


class Over(Exception):
    """The time is up: a journey ends between two steps."""


class GaveUp(Exception):
    """No answer said what happened, though the request was sent again and again."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: str = ""
    retry_after: str = ""

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)

    @property
    def is_definite(self) -> bool:
        """Whether it says what happened. A 5xx does not: it may have been done all the same."""
        return self.status != NO_ANSWER and self.status < 500

    @property
    def is_put_off(self) -> bool:
        """Whether nothing was done, for there were too many tries, or too many people who sign in."""
        return self.status == 429 or (self.status == 503 and '"busy"' in self.body)


class Traffic:
    """Where the shop is, when it is over, and all requests so far."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.over = threading.Event()
        self.door = threading.BoundedSemaphore(APPS * usual_number())
        """Held by whoever sends a password: with more at once than the shop hashes, most would only be put off."""
        self.hits: list[Hit] = []  # appending is atomic


class Browser:
    """One person's browser. Its requests may be sent from several threads at once: those are its tabs."""

    def __init__(self, traffic: Traffic, address: str, chance: random.Random) -> None:
        self.traffic, self.address, self.chance = traffic, address, chance
        self.cookies: dict[str, str] = {}

    def copy(self) -> "Browser":
        """Return a browser that has the same cookies, and goes its own ways from here on."""
        other = Browser(self.traffic, self.address, self.chance)
        other.cookies = dict(self.cookies)
        return other

    def get(self, path: str, *, html: bool = False) -> Answer:
        """Ask once."""
        return self._ask("GET", path, None, html=html)

    def post(self, path: str, fields: Fields | None = None, *, html: bool = False, key: str = "") -> Answer:
        """Send a form once. ``key`` names the press of the button."""
        return self._ask("POST", path, fields or {}, html=html, key=key)

    def insist(self, path: str, fields: Fields | None = None, *, html: bool = False, key: str = "") -> Answer:
        """GET the path, or POST the fields, again and again until an answer says what happened. Raises GaveUp."""
        deadline = None
        while True:
            answer = self.get(path, html=html) if fields is None else self.post(path, fields, html=html, key=key)
            if answer.is_definite:
                return answer
            deadline = deadline or time.monotonic() + PATIENCE_SECONDS
            if time.monotonic() > deadline:
                raise GaveUp(f"{path}: still {answer.status or 'no answer'} after {PATIENCE_SECONDS:.0f} s")
            time.sleep(0.3 + self.chance.random())

    def _ask(self, method: str, path: str, fields: Fields | None, *, html: bool, key: str = "") -> Answer:
        """Send it, and once more after the time that was asked for if it was put off."""
        with self.traffic.door if path in HASHED and method == "POST" else nullcontext():
            return self._ask_until_let_in(method, path, fields, html=html, key=key)

    def _ask_until_let_in(self, method: str, path: str, fields: Fields | None, *, html: bool, key: str) -> Answer:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self._send(method, path, fields, html=html, key=key)
            if not answer.is_put_off or time.monotonic() > deadline:
                return answer
            wanted = int(answer.retry_after) if answer.retry_after.isdigit() else 1
            time.sleep(min(wanted, MOST_PAUSE_SECONDS) + self.chance.random())

    def _send(self, method: str, path: str, fields: Fields | None, *, html: bool, key: str = "") -> Answer:
        headers = {
            "Host": HOST,
            "X-Forwarded-For": self.address,
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Accept": "text/html" if html else "application/json",
            "Sec-Fetch-Site": "same-origin",
            "Connection": "close",
        }
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in list(self.cookies.items()))
        if key:
            headers["Idempotency-Key"] = key
        body = None
        if fields is not None:
            headers["Content-Type"], body = "application/x-www-form-urlencoded", urlencode(fields)
        is_look = method == "GET" and not self.cookies and (path.startswith(("/?", "/products/")) or path == "/")
        began, answer = time.monotonic(), Answer(NO_ANSWER)
        connection = http.client.HTTPConnection("127.0.0.1", self.traffic.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
            answer = Answer(response.status, text, response.headers.get("Retry-After", ""))
            self._keep(response.headers.get_all("Set-Cookie") or [])
        except (OSError, http.client.HTTPException):
            pass  # whatever it was, nobody knows what happened
        finally:
            connection.close()
        what = f"{method} {_name_of(path)}"
        self.traffic.hits.append(Hit(began, time.monotonic(), what, answer.status, is_look, answer.is_put_off))
        return answer

    def _keep(self, lines: list[str]) -> None:
        for line in lines:
            pair, _, attributes = line.partition(";")
            name, _, value = pair.partition("=")
            if "max-age=0" in attributes.lower():
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


def _name_of(path: str) -> str:
    path = path.partition("?")[0]
    for pattern, name in NAMES:
        path = pattern.sub(name, path)
    return path
