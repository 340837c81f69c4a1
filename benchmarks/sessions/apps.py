"""The five routes that all contenders serve, on Pyramid: with our sessions, with the plain library's, or with none.

``benchmarks/express/sessions.js`` serves the same five.
"""

import logging
import os
from collections.abc import Callable
from typing import Any

import msgspec
from pyramid.config import Configurator
from pyramid.request import Request

from benchmarks.contenders import SECRET
from shopapp.events import UserLoggedIn, UserLoggedOut

TIMEOUT_SECONDS = 10_800
"""Our default, and given to the library too."""


def make_app(sessions: str, redis_url: str, *, retry: bool = False) -> Any:
    """Return the WSGI app. ``sessions`` is ours, plain or none."""
    options = {"secret": SECRET, "redis_url": redis_url, "timeout": str(TIMEOUT_SECONDS)}
    if sessions == "plain":
        # JSON as in ours, and as fast: the library's own default, pickle, runs whatever somebody put into Redis.
        options |= {"serialize": "msgspec.json.encode", "deserialize": "benchmarks.sessions.apps.from_json"}
    settings = {f"redis.sessions.{key}": value for key, value in options.items()}
    with Configurator(settings={**settings, "retry.attempts": "20"}) as config:
        if sessions != "none":
            config.include({"ours": "shopapp.sessions", "plain": "pyramid_session_redis"}[sessions])
        if retry:
            config.include("pyramid_retry")
        log_in, log_out = (_log_in, _log_out) if sessions == "ours" else (_plain_log_in, _plain_log_out)
        _add(config, "GET", "/ping", _ping)
        _add(config, "GET", "/cart", _read)
        _add(config, "POST", "/cart/{sku}", _add_to_cart)
        _add(config, "POST", "/login/{user}", log_in)
        _add(config, "POST", "/logout", log_out)
    return config.make_wsgi_app()


def app_from_environment() -> Any:
    """Return the app that the environment asks for: servers call this."""
    # 16 clients on 4 threads is the point; waitress would write a line about each that has to wait.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    return make_app(os.environ["BENCH_SESSIONS"], os.environ["BENCH_REDIS"], retry="BENCH_RETRY" in os.environ)


def from_json(data: bytes) -> dict[str, Any]:
    """Turn what Redis has into a session's data: the library gives its deserializer no type."""
    return msgspec.json.decode(data)


def _add(config: Configurator, method: str, pattern: str, view: Callable[[Request], Any]) -> None:
    name = f"{method} {pattern}"
    config.add_route(name, pattern, request_method=method)
    config.add_view(view, route_name=name, renderer="json")


def _ping(_request: Request) -> dict[str, Any]:
    return {"ok": True}


def _read(request: Request) -> dict[str, Any]:
    return request.session.get("cart", {})


def _add_to_cart(request: Request) -> dict[str, Any]:
    cart, sku = request.session.setdefault("cart", {}), request.matchdict["sku"]
    cart[sku] = cart.get(sku, 0) + 1
    return cart


def _user(request: Request) -> dict[str, Any]:
    number = int(request.matchdict["user"])
    return {"id": number, "email": f"{number}@example.com", "name": f"Person {number}"}


def _log_in(request: Request) -> dict[str, Any]:
    user = _user(request)
    request.registry.notify(UserLoggedIn(request, user["id"], user["email"], user["name"], False))
    return {"ok": True}


def _log_out(request: Request) -> dict[str, Any]:
    request.registry.notify(UserLoggedOut(request, request.session["user"]["id"]))
    return {"ok": True}


def _plain_log_in(request: Request) -> dict[str, Any]:
    """Copy the data into a new session, which is what the library offers for a new id."""
    data = dict(request.session)
    request.session.invalidate()
    request.session.update({**data, "user": _user(request)})
    return {"ok": True}


def _plain_log_out(request: Request) -> dict[str, Any]:
    request.session.invalidate()
    return {"ok": True}
