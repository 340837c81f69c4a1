"""In one thread, without a server: the WSGI app is called directly, and there is no socket but that to Redis.

What a request takes beyond Pyramid's own ping and the Redis calls that it cannot do without (one for a read, two for a
change, each as long as a GET by redis-py) is the Python of the sessions, and whatever they ask of Redis beyond that.
"""

import io
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import redis

from benchmarks.apps import make_app
from benchmarks.contenders import Cores, pin
from benchmarks.distance import away
from benchmarks.visitors import SKUS

CALLS = {"ping": 0, "read": 1, "add": 2}
"""Figure: the Redis calls that it cannot do without."""

BASE, GET = "Pyramid without sessions", "one GET by redis-py"
SESSIONS = {BASE: "none", "ours": "ours", "plain library": "plain"}

Send = Callable[[], Any]


@dataclass(frozen=True)
class Times:
    """Microseconds, medians over the rounds."""

    title: str
    apps: dict[str, dict[str, float]]
    """App: figure: one request."""
    get: float

    def beyond(self, app: str, figure: str) -> float:
        """Return what is left beyond Pyramid's ping and the Redis calls that there have to be."""
        return self.apps[app][figure] - self.apps[BASE]["ping"] - CALLS[figure] * self.get


def measure(redis_socket: Path, cores: Cores, rounds: int, requests: int, milliseconds: float = 0.0) -> Times:
    """Measure all in turns, with Redis so many milliseconds away, and this process where the apps are else."""
    title = f"Redis {milliseconds:g} ms away" if milliseconds else "Redis on the same machine"
    with away(redis_socket, milliseconds) if milliseconds else nullcontext(redis_socket) as near:
        sends = _all_sends(f"unix://{near}")
        times: dict[tuple[str, str], list[float]] = {key: [] for key in sends}
        pin(cores.app)
        try:
            for _ in range(rounds):
                for key, send in sends.items():
                    times[key].append(_seconds_for(send, requests) * 1e6)
        finally:
            pin(cores.load)
    apps: dict[str, dict[str, float]] = {}
    for (name, figure), values in times.items():
        apps.setdefault(name, {})[figure] = statistics.median(values)
    return Times(title, apps, apps.pop(GET)["read"])


def _all_sends(redis_url: str) -> dict[tuple[str, str], Send]:
    """Return a function for each app and figure, which sends one request."""
    client = redis.Redis.from_url(redis_url)
    client.set("benchmark", b"x" * 200)
    sends: dict[tuple[str, str], Send] = {(GET, "read"): lambda: client.get("benchmark")}
    for name, sessions in SESSIONS.items():
        app = make_app(sessions, redis_url)
        sends[name, "ping"] = _request(app, "GET", "/ping")
        if sessions != "none":
            cookie = _log_in(app)
            sends[name, "read"] = _request(app, "GET", "/cart", cookie)
            sends[name, "add"] = _request(app, "POST", f"/cart/{SKUS[0]}", cookie)
    return sends


def _log_in(app: Any) -> str:
    """Return the cookie of a visitor who is signed in and has one of each article in the cart."""
    headers: list[tuple[str, str]] = []
    _request(app, "POST", "/login/1", then=headers.extend)()
    set_cookie = dict(headers)["Set-Cookie"]
    name, morsel = next(iter(SimpleCookie(set_cookie).items()))
    cookie = f"{name}={morsel.coded_value}"
    for sku in SKUS:
        _request(app, "POST", f"/cart/{sku}", cookie)()
    return cookie


def _request(app: Any, method: str, path: str, cookie: str = "", then: Callable[[Any], Any] | None = None) -> Send:
    """Return a function that calls the app as a server would, and hands the headers of the answer on to ``then``."""
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": "0",
        "HTTP_HOST": "localhost",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        **({"HTTP_COOKIE": cookie} if cookie else {}),
    }

    def start_response(status: str, headers: list[tuple[str, str]], *_error: Any) -> None:
        if not status.startswith("200"):
            raise RuntimeError(f"{method} {path}: {status}")
        if then:
            then(headers)

    return lambda: list(app({**environ}, start_response))


def _seconds_for(send: Send, requests: int) -> float:
    """Return the time of one request, over a round of them."""
    send()
    started = time.perf_counter()
    for _ in range(requests):
        send()
    return (time.perf_counter() - started) / requests
