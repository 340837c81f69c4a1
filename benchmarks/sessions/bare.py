"""Sessions in one thread, without a server: there is no socket but that to Redis.

What a request takes beyond Pyramid's own ping and the Redis calls that it cannot do without (one for a read, two for a
change, each as long as a GET by redis-py) is the Python of the sessions, and whatever they ask of Redis beyond that.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

import redis

from benchmarks.direct import Send, medians, sending
from benchmarks.load import Request
from benchmarks.plan import BARE_ROUNDS, Plan
from benchmarks.sessions.apps import make_app
from benchmarks.sessions.distance import away
from benchmarks.sessions.visitors import SKUS

CALLS = {"ping": 0, "read": 1, "add": 2}
"""Figure: the Redis calls that it cannot do without."""

BASE, GET = "Pyramid without sessions", "one GET by redis-py"
SESSIONS = {BASE: "none", "ours": "ours", "plain library": "plain"}

REQUESTS = 200


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


def measure_times(plan: Plan) -> Times:
    """Measure all in turns, with Redis so far away as is asked for."""
    title = f"Redis {plan.away:g} ms away" if plan.away else "Redis on the same machine"
    with away(plan.redis_socket, plan.away) if plan.away else nullcontext(plan.redis_socket) as near:
        times = medians(_all_sends(f"unix://{near}"), plan.rounds * BARE_ROUNDS, REQUESTS, plan.cores)
    apps: dict[str, dict[str, float]] = {}
    for (name, figure), microseconds in times.items():
        apps.setdefault(name, {})[figure] = microseconds.all
    return Times(title, apps, apps.pop(GET)["read"])


def _all_sends(redis_url: str) -> dict[tuple[str, str], Send]:
    """Return a function for each app and figure, which sends one request."""
    client = redis.Redis.from_url(redis_url)
    client.set("benchmark", b"x" * 200)
    sends: dict[tuple[str, str], Send] = {(GET, "read"): lambda: client.get("benchmark")}
    for name, sessions in SESSIONS.items():
        app = make_app(sessions, redis_url)
        sends[name, "ping"] = sending(app, Request("GET", "/ping"))
        if sessions != "none":
            cookie = _log_in(app)
            sends[name, "read"] = sending(app, Request("GET", "/cart").with_cookie(cookie))
            sends[name, "add"] = sending(app, Request("POST", f"/cart/{SKUS[0]}").with_cookie(cookie))
    return sends


def _log_in(app: Any) -> str:
    """Return the cookie of a visitor who is signed in and has one of each article in the cart."""
    headers: list[tuple[str, str]] = []
    sending(app, Request("POST", "/login/1"), then=headers.extend)()
    set_cookie = dict(headers)["Set-Cookie"]
    name, morsel = next(iter(SimpleCookie(set_cookie).items()))
    cookie = f"{name}={morsel.coded_value}"
    for sku in SKUS:
        sending(app, Request("POST", f"/cart/{sku}").with_cookie(cookie))()
    return cookie
