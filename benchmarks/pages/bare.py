"""Pages in one thread, without a server: there are no sockets but those to Redis and PostgreSQL.

Of what was measured this changes least from one run to the next, and on a machine that does other things too.
"""

from collections.abc import Callable
from http.cookies import SimpleCookie
from itertools import cycle
from typing import Any

from benchmarks.direct import Microseconds, Send, medians, sending
from benchmarks.load import Request
from benchmarks.pages.django_shop import make_app
from benchmarks.pages.figures import CART, FIGURES, log_in, requests_of, set_line
from benchmarks.pages.shop import PASSWORD, email_of, make_shop
from benchmarks.plan import BARE_ROUNDS, Plan

APPS: dict[str, Callable[[], Any]] = {"ours": make_shop, "Django": make_app}

REQUESTS = 40

Times = dict[str, dict[str, Microseconds]]
"""App: figure: one request, medians over the rounds."""


def measure_times(plan: Plan) -> Times:
    """Measure all in turns. The environment has to say where Redis and PostgreSQL are."""
    sends = {}
    for name, make in APPS.items():
        app = make()
        visitor, person = _Caller(app), _Caller(app)
        person.send(log_in(email_of(1), PASSWORD))
        for caller in (visitor, person):
            for sku, quantity in CART.items():
                caller.send(set_line(sku, quantity))
        for figure in FIGURES:
            sends[name, figure] = _in_turn(app, requests_of(figure, [visitor.cookie], [person.cookie]))
    times: Times = {}
    for (name, figure), microseconds in medians(sends, plan.rounds * BARE_ROUNDS, REQUESTS, plan.cores).items():
        times.setdefault(name, {})[figure] = microseconds
    return times


def _in_turn(app: Any, requests: list[Request]) -> Send:
    sends = cycle([sending(app, request) for request in requests])
    return lambda: next(sends)()


class _Caller:
    """Calls an app, and keeps the cookie that it gets."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.cookie = ""

    def send(self, request: Request) -> None:
        headers: list[tuple[str, str]] = []
        sending(self._app, request.with_cookie(self.cookie) if self.cookie else request, headers.extend)()
        for name, morsel in SimpleCookie(dict(headers).get("Set-Cookie", "")).items():
            self.cookie = f"{name}={morsel.coded_value}"
