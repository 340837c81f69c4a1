"""Measure sessions: start all contenders, and take turns."""

from contextlib import ExitStack

import redis

from benchmarks.contenders import THREADS, App, running
from benchmarks.load import CLIENTS
from benchmarks.machine import today_and_machine
from benchmarks.node import measurable
from benchmarks.plan import Plan
from benchmarks.report import Report
from benchmarks.sessions.bare import measure_times
from benchmarks.sessions.contenders import contenders
from benchmarks.sessions.report import bare_markdown, markdown
from benchmarks.sessions.results import SessionResults
from benchmarks.sessions.visitors import FIGURES, VISITORS, check, kept_adds, signed_in_cookies, traffic
from benchmarks.tables import svg_bars
from benchmarks.traffic import load_tool
from benchmarks.turns import rotated, say, take_turns


def measure(plan: Plan) -> Report:
    """Measure with servers, and without. Raises BenchmarkError."""
    results, notes = _measure_served(plan)
    say("sessions in one thread, without a server")
    times = measure_times(plan)
    raw = {"runs": results.raw(), "bare": vars(times)}
    return Report(markdown(results, times, notes), svg_bars(results, FIGURES), raw)


def measure_bare(plan: Plan) -> str:
    """Measure without a server, and return the table."""
    return bare_markdown(measure_times(plan))


def _measure_served(plan: Plan) -> tuple[SessionResults, list[str]]:
    """Return what was measured, and what there is to say about how."""
    results = SessionResults()
    notes = [
        today_and_machine(["pyramid_session_redis"]),
        f"Rounds: {plan.rounds}; the figures are medians. A run is {plan.seconds} s. Load by {load_tool()}.",
        f"{plan.cores}.",
        f"{CLIENTS} clients; waitress and granian with {THREADS} threads in one process. Ping sends no cookie. Read "
        f"and add send those of {VISITORS} signed-in visitors in turn, so no two requests in flight share a session.",
    ]
    with ExitStack() as stack:
        apps = {}
        for contender in measurable(contenders(plan.redis_socket), notes):
            say(f"starting {contender.name}")
            apps[contender.name] = app = stack.enter_context(running(contender, plan.cores, plan.directory))
            check(contender.name, app.port)
            for figure in FIGURES if plan.rounds > 1 else ():  # warm up: node compiles what is used much
                traffic(figure, signed_in_cookies(app.port)).send(app.port, 3)
        client = stack.enter_context(redis.Redis.from_url(f"unix://{plan.redis_socket}"))
        for number in range(plan.rounds):
            client.flushall()
            say(f"round {number + 1} of {plan.rounds}")
            _measure_round(rotated(apps, number), plan.seconds, results)
    return results, notes


def _measure_round(apps: dict[str, App], seconds: int, results: SessionResults) -> None:
    cookies = {name: signed_in_cookies(app.port) for name, app in apps.items()}
    take_turns(apps, FIGURES, lambda name, figure: traffic(figure, cookies[name]), seconds, results)
    for name, app in apps.items():
        kept, accepted, sent = kept_adds(app.port)
        results.note_kept(name, kept, sent - accepted)
        say(f"  {'adds to one cart':20} {name:28} {kept:8} of {sent} kept, {sent - accepted} refused")
