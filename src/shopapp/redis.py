"""One Redis client from one URL, and one exception for all the ways in which Redis can be away. Knows no setting."""

import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from hashlib import sha1
from typing import Any, TypeAlias
from urllib.parse import quote

import redis
from pyramid.request import Request
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from shopapp.embedded import start_server

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

# Outages for which redis-py has no class: the disk is full, too few replicas, an endless script, closed to a script of
# ours, no node there.
OUTAGE_CODES = ("MISCONF", "NOREPLICAS", "BUSY", "ACL failure in script", "Redis Cluster cannot be connected")


Client: TypeAlias = redis.Redis | redis.RedisCluster
"""What `connect` makes."""


HANG_SECONDS = 1.0
"""So long is nothing sent to a Redis that did not answer in time; then it is tried again."""

_hung_until: "weakref.WeakKeyDictionary[Client, float]" = weakref.WeakKeyDictionary()


ADVICE = "Is Redis there, and is redis.sessions.redis_url right?"
"""What to ask an operator whose Redis is away."""


class StoreUnavailable(Exception):
    """Redis cannot be reached or cannot serve. What was asked of it may or may not have been done."""


def connect(
    url: str, *, encoding: str = "utf-8", encoding_errors: str = "strict", socket_timeout: float | None = 1.0
) -> Client:
    """Make the client for a URL. A single server is not asked for anything yet; a cluster is, for its nodes, and an
    `embedded:` server is started and waited for.

    Raises StoreUnavailable if no node of a cluster answers, EmbeddedServerError.
    """
    options: dict[str, Any] = {
        "encoding": encoding,
        "encoding_errors": encoding_errors,
        "socket_timeout": socket_timeout,
        "socket_connect_timeout": socket_timeout,
        # A command that timed out may have been carried out: sent again, it could put a second item into a cart.
        # redis-py would send it ten times. A connection that Redis closed meanwhile is replaced before it is used.
        "retry": Retry(NoBackoff(), retries=0),
    }
    if url.startswith(("redis+cluster://", "rediss+cluster://")):
        with unavailable_on_error():
            return redis.RedisCluster.from_url(url.replace("+cluster", "", 1), **options)
    return redis.Redis.from_url(started(url), **options)


def started(url: str) -> str:
    """Return the URL that leads to a server: for `embedded:` that of its socket, after it was started.

    Raises EmbeddedServerError.
    """
    if url.startswith("embedded:"):
        return f"unix://{quote(str(start_server(url.removeprefix('embedded:'))))}"
    return url


class unavailable_on_error(AbstractContextManager[None]):
    """Turn what redis-py raises in an outage into StoreUnavailable; a mistake in a command stays what it is.

    After a command of ``client`` has timed out, those of the next moment are not even sent: else a Redis that hangs
    would hold every thread of the server for the whole timeout, again and again, and with them the pages that need no
    Redis at all.
    """

    __slots__ = ("_client",)

    def __init__(self, client: Client | None = None) -> None:
        self._client = client

    def __enter__(self) -> None:
        if self._client is not None and _hung_until and time.monotonic() < _hung_until.get(self._client, 0.0):
            raise StoreUnavailable("Redis did not answer a moment ago")

    def __exit__(self, _type: Any, error: BaseException | None, _traceback: Any) -> None:
        if error is None or not isinstance(error, exceptions.RedisError | exceptions.RedisClusterException):
            return
        # A pipeline puts the whole command, data included, before the reason.
        reason = str(error).rpartition(" caused error: ")[2]
        if not isinstance(error, OUTAGES) and not reason.startswith(OUTAGE_CODES):
            return
        if self._client is not None and isinstance(error, exceptions.TimeoutError):
            _hung_until[self._client] = time.monotonic() + HANG_SECONDS
        raise StoreUnavailable(reason) from error


def sent(client: Client, command: Callable[..., Any], *arguments: Any) -> tuple[Any, bool]:
    """Return the answer to a command that may be sent twice, and whether it was: once more if the connection broke.

    Raises StoreUnavailable.
    """
    try:
        with unavailable_on_error(client):
            return command(*arguments), False
    except StoreUnavailable as error:
        if not isinstance(error.__cause__, exceptions.ConnectionError):
            raise
    with unavailable_on_error(client):
        return command(*arguments), True


class Script:
    """A Lua script whose keys are all in one slot, sent by its digest; in full only to servers that do not know it."""

    __slots__ = ("_client", "_text", "digest")

    def __init__(self, client: Client, text: str) -> None:
        self._client, self._text, self.digest = client, text, _digest(text)

    def __call__(self, keys: str | Sequence[str | bytes], *arguments: Any) -> Any:
        """Run it on a key, or on several, and return its answer. Raises what redis-py raises."""
        keys = (keys,) if isinstance(keys, str) else keys
        try:
            return self._client.evalsha(self.digest, len(keys), *keys, *arguments)
        except exceptions.NoScriptError:
            self._client.script_load(self._text)  # to all nodes of a cluster
            return self._client.evalsha(self.digest, len(keys), *keys, *arguments)


@lru_cache
def _digest(text: str) -> str:
    return sha1(text.encode(), usedforsecurity=False).hexdigest()


def client_of(request: Request) -> Client:
    """Return the Redis client for this request, as the app's registry has it: ``sessions.client`` says which.

    A function, because each property that an app adds to its requests costs every request a class of its own.
    """
    found: Client = request.registry["shopapp.redis"](request)
    return found
