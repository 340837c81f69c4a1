"""How fast a request is with ``shopapp.sessions``, next to plain pyramid_session_redis in the same run.

    .venv/bin/python benchmarks/sessions.py

Both serve the same three requests in this process, against the same Valkey, in turns: once on a local socket, where
what counts is the work in Python, and once with a delay before each command, as if Redis were on another machine, where
what counts is the number of round trips. Prints the median time of a request for each and the ratio of ours to theirs:
below 1, ours is faster. Times vary from machine to machine; ratios less so.
"""

import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests")]
warnings.simplefilter("ignore", DeprecationWarning)  # the library's own SETEX

from plain_app import make_plain_app  # noqa: E402
from session_app import browser, cookie_of, make_app  # noqa: E402
from shopapp.embedded import start_server  # noqa: E402
from shopapp.testing import ObservedRedis  # noqa: E402

ROUNDS, REQUESTS = 15, 100
DELAY_SECONDS = 0.001
PATHS = {"look, no cookie": "/plain", "read a session": "/data", "change a session": "/set?a={number}"}


def request_of(app: Any, path: str, cookie: str) -> Callable[[int], None]:
    """Return a function that sends one request straight to the WSGI app."""

    def send(number: int) -> None:
        address, _, query = path.format(number=number).partition("?")
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": address,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "HTTP_COOKIE": cookie,
        }
        list(app(environ, lambda *_answer: None))

    return send


def seconds_for(send: Callable[[int], None]) -> float:
    """Return the time of one request, over a round of them."""
    started = time.perf_counter()
    for number in range(REQUESTS):
        send(number)
    return (time.perf_counter() - started) / REQUESTS


def main() -> None:
    """Measure and print."""
    client = ObservedRedis.from_url(f"unix://{start_server(tempfile.mkdtemp())}")
    apps = {"ours": make_app(client), "theirs": make_plain_app(client)}
    compare("Redis on this machine", client, apps)
    client.before = lambda _name: time.sleep(DELAY_SECONDS)
    compare(f"Redis {DELAY_SECONDS * 1e3:g} ms away", client, apps)


def compare(title: str, client: ObservedRedis, apps: dict[str, Any]) -> None:
    """Measure and print one table."""
    print(f"{title:24} {'ours':>8} {'theirs':>10} {'ratio':>7}   round trips")
    for name, path in PATHS.items():
        sends, trips = {}, {}
        for whose, app in apps.items():
            visitor = browser(app)
            visitor.get("/set?first=1")
            cookie = "" if path == "/plain" else f"session={cookie_of(visitor)}"
            sends[whose] = request_of(app, path, cookie)
            sends[whose](-1)
            client.commands.clear()
            sends[whose](-2)
            trips[whose] = len(client.commands)
        times: dict[str, list[float]] = {whose: [] for whose in apps}
        for _ in range(ROUNDS):
            for whose, send in sends.items():
                times[whose].append(seconds_for(send))
        ours, theirs = (statistics.median(times[whose]) * 1e6 for whose in apps)
        print(f"{name:22} {ours:8.0f}µs {theirs:8.0f}µs {ours / theirs:7.2f}   {trips['ours']} : {trips['theirs']}")


if __name__ == "__main__":
    main()
