"""How long requests take, by route, method and status: one observation each, however often it is run."""

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

from pyramid.config import Configurator
from pyramid.interfaces import IExecutionPolicy
from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.response import Response
from pyramid.router import Router, default_execution_policy

from shopapp.metrics.families import REQUESTS

log = logging.getLogger(__name__)

ROUTE = "shopapp.metrics.route"
"""Where in the WSGI environment the name of the route is."""

METHODS = frozenset({"GET", "HEAD", "POST"})
"""Those that the shop has. A client may send any word."""


def note_route_factory(handler: Callable[[Request], Response], _registry: Registry) -> Callable[[Request], Response]:
    """Tween that notes by which route a request has gone, once it has."""

    def note_route(request: Request) -> Response:
        try:
            return handler(request)
        finally:
            route = request.__dict__.get("matched_route")
            if route is not None:
                request.environ[ROUTE] = route.name

    return note_route


def measure_requests(config: Configurator) -> None:
    """Have every request measured, around all its attempts and what is done after them."""
    registry = config.registry
    run = registry.queryUtility(IExecutionPolicy) or default_execution_policy
    known: dict[tuple[str, str, int], Callable[[float], None]] = {}

    def observe(environ: dict[str, Any], status: int, seconds: float) -> None:
        method = environ["REQUEST_METHOD"]
        key = environ.get(ROUTE, "none"), method if method in METHODS else "other", status
        told = known.get(key)
        if told is None:
            told = known[key] = REQUESTS.labels(*key).observe
        told(seconds)

    def run_measured(environ: dict[str, Any], router: Router) -> Response:
        began, status = perf_counter(), 500  # what no error page answers for
        try:
            response = run(environ, router)
            status = response.status_int
            return response
        finally:
            try:
                observe(environ, status, perf_counter() - began)
            except Exception:
                log.exception("request_not_measured")

    registry.registerUtility(run_measured, IExecutionPolicy)
