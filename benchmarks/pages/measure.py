"""Measure pages: start all contenders on one database and one Redis, and take turns."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import redis

from benchmarks.contenders import THREADS, App, running
from benchmarks.load import CLIENTS
from benchmarks.machine import today_and_machine
from benchmarks.node import measurable
from benchmarks.pages.bare import measure_times
from benchmarks.pages.browser import cookies
from benchmarks.pages.check import check, read_catalogue
from benchmarks.pages.contenders import contenders
from benchmarks.pages.figures import FIGURES, requests_of
from benchmarks.pages.report import Sizes, bare_markdown, markdown
from benchmarks.pages.shop import PEOPLE, environment, fill
from benchmarks.plan import Plan
from benchmarks.postgresql import postgresql, postgresql_is_missing
from benchmarks.report import Report
from benchmarks.results import Results
from benchmarks.tables import svg_bars
from benchmarks.traffic import Traffic, load_tool
from benchmarks.turns import rotated, say, take_turns

WARM_UP_SECONDS = 2


def measure(plan: Plan) -> Report | None:
    """Measure with servers, and without; None, and a line that says why, without PostgreSQL. Raises BenchmarkError."""
    if _is_left_out():
        return None
    with _shops(plan) as where:
        results, sizes = Results(), {}
        notes = _measure_served(plan, where, results, sizes)
        say("pages in one thread, without a server")
        times = measure_times(plan)
    raw = {
        "runs": results.raw(),
        "bytes": sizes,
        "bare": {app: {figure: vars(time) for figure, time in figures.items()} for app, figures in times.items()},
    }
    return Report(markdown(results, sizes, times, notes), svg_bars(results, FIGURES), raw)


def measure_bare(plan: Plan) -> str:
    """Measure without a server, and return the table."""
    if _is_left_out():
        return ""
    with _shops(plan):
        return bare_markdown(measure_times(plan))


def _is_left_out() -> bool:
    why_not = postgresql_is_missing()
    if why_not:
        say(f"Pages are left out: {why_not}.")
    return why_not is not None


@contextmanager
def _shops(plan: Plan) -> Iterator[Mapping[str, str]]:
    """Have a database with products and people; yield the environment, which is this process's own meanwhile."""
    before = dict(os.environ)
    with postgresql() as socket:
        where = environment(plan.redis_socket, socket)
        os.environ.update(where)
        try:
            fill(where["DATABASE_URL"])
            yield where
        finally:
            os.environ.clear()
            os.environ.update(before)


def _measure_served(plan: Plan, where: Mapping[str, str], results: Results, sizes: Sizes) -> list[str]:
    """Fill in what was measured; return what there is to say about how."""
    notes = [
        today_and_machine(["sqlalchemy", "psycopg", "jinja2", "django"]),
        f"Rounds: {plan.rounds}; the figures are medians, and the ratios those of the rounds' ratios. A run is "
        f"{plan.seconds} s. Load by {load_tool()}.",
        f"{plan.cores}.",
        f"{CLIENTS} clients; waitress and granian with {THREADS} threads in one process. Visitors send no cookie, but "
        f"where they have a cart; there, and signed in, those of {PEOPLE} people are sent in turn. A cart has 3 lines.",
    ]
    catalogue = read_catalogue("")
    with ExitStack() as stack:
        apps = {}
        for contender in measurable(contenders(where), notes):
            say(f"starting {contender.name}")
            apps[contender.name] = app = stack.enter_context(running(contender, plan.cores, plan.directory))
            sizes[contender.name] = check(contender.name, app.port, catalogue)
        client = stack.enter_context(redis.Redis.from_url(where["REDIS_URL"]))
        if plan.rounds > 1:
            say("warming up")  # node compiles what is used much
            _measure_round(apps, WARM_UP_SECONDS, Results())
        for number in range(plan.rounds):
            client.flushall()
            say(f"round {number + 1} of {plan.rounds}")
            _measure_round(rotated(apps, number), plan.seconds, results)
    return notes


def _measure_round(apps: Mapping[str, App], seconds: int, results: Results) -> None:
    signed_in = {}  # one shop on two servers is one shop: whoever has signed in on one has on the other
    for name, app in apps.items():
        shop = name.partition(" ")[0]
        if shop not in signed_in:
            signed_in[shop] = cookies(app.port)

    def traffic(name: str, figure: str) -> Traffic:
        return Traffic(requests_of(figure, *signed_in[name.partition(" ")[0]]))

    take_turns(apps, FIGURES, traffic, seconds, results)
