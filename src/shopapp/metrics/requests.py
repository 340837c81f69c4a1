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
    known: dict[tuple[str, str, str], Callable[[float], None]] = {}

    def observe(environ: dict[str, Any], status: str, seconds: float) -> None:
        route, method = environ.get(ROUTE, "none"), environ["REQUEST_METHOD"]
        try:
            tell = known.get((route, method, status))
            if tell is None:
                key = route, method if method in METHODS else "other", status
                tell = known[key] = REQUESTS.labels(*key).observe
            tell(seconds)
        except Exception:
            log.exception("request_not_measured")

    def run_measured(environ: dict[str, Any], router: Router) -> Response:
        began = perf_counter()
        try:
            response = run(environ, router)
        except BaseException:
            observe(environ, "500", perf_counter() - began)  # what no error page answers for
            raise
        observe(environ, response.status[:3], perf_counter() - began)
        return response

    registry.registerUtility(run_measured, IExecutionPolicy)
