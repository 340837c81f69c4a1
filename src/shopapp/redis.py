"""One Redis client from one URL, and one exception for all the ways in which Redis can be away. Knows no key."""

import time
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeAlias
from urllib.parse import quote

import redis
from pyramid.config import Configurator
from pyramid.request import Request
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from shopapp.embedded import start_server
from shopapp.settings import SessionSettings, load_session_settings

# Redis is there but cannot serve: full, a replica after a failover, closed to us, or a cluster that lost nodes.
OUTAGES = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.InvalidResponse,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    exceptions.NoPermissionError,
    exceptions.ClusterError,
    exceptions.SlotNotCoveredError,
    exceptions.TryAgainError,
)

# Outages for which redis-py has no class: the disk is full, too few replicas, an endless script, no node there.
OUTAGE_CODES = ("MISCONF", "NOREPLICAS", "BUSY", "Redis Cluster cannot be connected")


Client: TypeAlias = redis.Redis | redis.RedisCluster
"""What `connect` makes."""


HANG_SECONDS = 1.0
"""So long is nothing sent to a Redis that did not answer in time; then it is tried again."""

_hung_until: "weakref.WeakKeyDictionary[Client, float]" = weakref.WeakKeyDictionary()


class StoreUnavailable(Exception):
    """Redis cannot be reached or cannot serve. What was asked of it may or may not have been done."""


def connect(settings: SessionSettings) -> Client:
    """Make the client for `redis_url`. A single server is not asked for anything yet; a cluster is, for its nodes, and
    an `embedded:` server is started and waited for.

    Raises StoreUnavailable if no node of a cluster answers, EmbeddedServerError.
    """
    url = settings.redis_url
    options = {
        "encoding": settings.redis_encoding,
        "encoding_errors": settings.redis_encoding_errors,
        "socket_timeout": settings.redis_socket_timeout,
        "socket_connect_timeout": settings.redis_socket_timeout,
        # A command that timed out may have been carried out: sent again, it could put a second item into a cart.
        # redis-py would send it ten times. A connection that Redis closed meanwhile is replaced before it is used.
        "retry": Retry(NoBackoff(), retries=0),
    }
    if url.startswith(("redis+cluster://", "rediss+cluster://")):
        with unavailable_on_error():
            return redis.RedisCluster.from_url(url.replace("+cluster", "", 1), **options)
    if url.startswith("embedded:"):
        url = f"unix://{quote(str(start_server(url.removeprefix('embedded:'))))}"
    return redis.Redis.from_url(url, **options)


class unavailable_on_error(AbstractContextManager[None]):  # noqa: N801 - it is used as a function
    """Turn what redis-py raises in an outage into StoreUnavailable; a mistake in a command stays what it is.

    After a command of ``client`` has timed out, those of the next moment are not even sent: else a Redis that hangs
    would hold every thread of the server for the whole timeout, again and again, and with them the pages that need no
    Redis at all.
    """

    def __init__(self, client: Client | None = None) -> None:
        self._client = client

    def __enter__(self) -> None:
        if self._client is not None and _hung_until and time.monotonic() < _hung_until.get(self._client, 0.0):
            raise StoreUnavailable("Redis did not answer a moment ago")

    def __exit__(self, _type: Any, error: BaseException | None, _traceback: Any) -> None:
        if not isinstance(error, exceptions.RedisError | exceptions.RedisClusterException):
            return
        # A pipeline puts the whole command, data included, before the reason.
        reason = str(error).rpartition(" caused error: ")[2]
        if not isinstance(error, OUTAGES) and not reason.startswith(OUTAGE_CODES):
            return
        if self._client is not None and isinstance(error, exceptions.TimeoutError):
            _hung_until[self._client] = time.monotonic() + HANG_SECONDS
        raise StoreUnavailable(reason) from error


def client_of(request: Request) -> Client:
    """Return the app's client, or what ``redis.sessions.redis_client_callable`` gives for this request.

    A function, because each property that an app adds to its requests costs every request a class of its own.
    """
    return request.registry["shopapp.redis"](request)


def includeme(config: Configurator) -> None:
    """Make the app's client for :func:`client_of`. Raises SettingsError, StoreUnavailable and EmbeddedServerError."""
    settings = load_session_settings(config.registry.settings)
    if settings.redis_client_callable:
        find_client: Callable[[Request], Client] = config.maybe_dotted(settings.redis_client_callable)
    else:
        client = connect(settings)

        def find_client(_request: Request) -> Client:
            return client

    config.registry["shopapp.redis"] = find_client
