"""The app's Redis client, from the settings: the one that we make, or what the app's own function gives."""

from collections.abc import Callable
from typing import Any

from pyramid.config import Configurator
from pyramid.events import ApplicationCreated
from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.response import Response

from shopapp.redis import Client, Places, Turn, adopt, connect, started, take_turn, warm_up
from shopapp.sessions.settings import SessionSettings
from shopapp.settings.urls import parse_redis_url

MOST_WARM = 16
"""Connections that are made before they are needed, at most: for the threads of a server, however many may wait."""


def find_client(config: Configurator, settings: SessionSettings) -> Callable[[Request], Client]:
    """Return the function from a request to the client, for ``config.registry["shopapp.redis"]``.

    Raises StoreUnavailable if no node of a cluster answers, EmbeddedServerError.
    """
    if settings.redis_client_callable:
        given = config.maybe_dotted(settings.redis_client_callable)
        options = client_options(settings)
        return lambda request: adopt(given(request, **options))
    client = make_client(settings)
    number = min(settings.redis_waiting, MOST_WARM)
    config.add_subscriber(lambda _event: warm_up(client, number), ApplicationCreated)
    return lambda _request: client


def take_turn_factory(handler: Callable[[Request], Response], registry: Registry) -> Callable[[Request], Response]:
    """Stand outermost: what a request waits for Redis is counted from here on."""
    settings: SessionSettings = registry["shopapp.sessions.settings"]
    budget, places = settings.redis_budget, Places(settings.redis_waiting)
    return lambda request: take_turn(Turn(budget, places), handler, request)


def make_client(settings: SessionSettings) -> Client:
    """Make a client of our own. Raises as :func:`find_client`."""
    return connect(
        settings.redis_url,
        encoding=settings.redis_encoding,
        encoding_errors=settings.redis_encoding_errors,
        socket_timeout=settings.redis_socket_timeout,
        min_replicas=settings.redis_min_replicas,
    )


def client_options(settings: SessionSettings) -> dict[str, Any]:
    """Return what a ``redis_client_callable`` is given beside the request: the keywords that pyramid_session_redis
    gives it, fit for ``redis.Redis``.

    The library keeps a redis_url from it. Ours is taken apart, or the function would be told localhost of a Redis that
    REDIS_URL has elsewhere. What has no keyword there (a user, TLS) is added where the URL has it.
    """
    said = parse_redis_url(started(settings.redis_url))
    host, port = said.seeds[0] if said.seeds else ("localhost", 6379)
    parsed = dict(said.options)
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "db": parsed.pop("db", 0),
        "password": parsed.pop("password", None),
        "socket_timeout": settings.redis_socket_timeout,
        "connection_pool": None,
        "unix_socket_path": parsed.pop("path", None),
        "encoding": settings.redis_encoding,
        "encoding_errors": settings.redis_encoding_errors,
    }
    return {**options, **parsed}
