"""Numbers: how often things happen, how long they take, and how much waits. Watches, and is in nobody's way."""

from pathlib import Path
from typing import Any, get_args

from pyramid.config import PHASE3_CONFIG, Configurator
from pyramid_retry import IBeforeRetry

from shopapp.accounts.hashing import PLACES
from shopapp.db import database_watch
from shopapp.events import add_observer
from shopapp.mail.counting import LETTERS, OUTCOMES
from shopapp.mail.outbox import KINDS
from shopapp.metrics.families import BREAKER, DATABASE, HASHES, ROUND_TRIPS, RUN_AGAIN, begin_at_zero
from shopapp.metrics.folder import join
from shopapp.metrics.letters import WaitingLetters
from shopapp.metrics.requests import measure_requests
from shopapp.metrics.views import WAITING
from shopapp.redis.watching import Outcome, watch


def on_before_retry(event: Any) -> None:
    """A request is run again."""
    RUN_AGAIN.labels(type(event.exception).__name__).inc()


def on_hashing(waiting: int, running: int) -> None:
    """Somebody has come for a hash, or is done."""
    HASHES.labels("waiting").set(waiting)
    HASHES.labels("running").set(running)


def on_node(address: str, is_left_alone: bool) -> None:
    """A node of Redis is left alone from now on, or asked again."""
    BREAKER.labels(address).set(is_left_alone)


def includeme(config: Configurator) -> None:
    """Install what counts and measures, and the page that tells it. Raises MetricsFolderError."""
    settings = config.registry["shopapp.settings"]
    if settings.metrics.folder:
        join(Path(settings.metrics.folder))
    begin_at_zero()
    for kind in config.registry[KINDS]:
        for outcome in OUTCOMES:
            LETTERS.labels(kind, outcome)
    observe = {outcome: ROUND_TRIPS.labels(outcome).observe for outcome in get_args(Outcome)}
    watch(lambda seconds, outcome: observe[outcome](seconds), on_node)
    sessions = config.registry["shopapp.sessionmaker"]
    database_watch(config.registry).watcher = DATABASE.labels(sessions.kw["bind"].dialect.name).set
    PLACES.watcher = on_hashing
    on_hashing(PLACES.waiting, PLACES.taken)
    add_observer(config, on_before_retry, IBeforeRetry)
    config.add_tween("shopapp.metrics.requests.note_route_factory", over="shopapp.web.headers.security_headers_factory")
    config.action(None, measure_requests, args=(config,), order=PHASE3_CONFIG + 1)
    config.registry[WAITING] = WaitingLetters(sessions)
    config.add_route("metrics", "/metrics")
    config.scan("shopapp.metrics.views")
