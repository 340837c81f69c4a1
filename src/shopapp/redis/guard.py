"""One exception for all the ways in which Redis can be away, and no waiting for one that hangs."""

import time
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from redis import exceptions

from shopapp.redis.clients import Client
from shopapp.redis.watching import tell

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


HANG_SECONDS = 1.0
"""So long is nothing sent to a Redis that did not answer in time; then it is tried again."""

_hung_until: "weakref.WeakKeyDictionary[Client, float]" = weakref.WeakKeyDictionary()


ADVICE = "Is Redis there, and is redis.sessions.redis_url right?"
"""What to ask an operator whose Redis is away."""


class StoreUnavailable(Exception):
    """Redis cannot be reached or cannot serve. What was asked of it may or may not have been done."""


class unavailable_on_error(AbstractContextManager[None]):
    """Turn what redis-py raises in an outage into StoreUnavailable; a mistake in a command stays what it is.

    After a command of ``client`` has timed out, those of the next moment are not even sent: else a Redis that hangs
    would hold every thread of the server for the whole timeout, again and again, and with them the pages that need no
    Redis at all.
    """

    __slots__ = ("_began", "_client")

    def __init__(self, client: Client | None = None) -> None:
        self._client, self._began = client, 0.0

    def __enter__(self) -> None:
        if self._client is not None and _hung_until and time.monotonic() < _hung_until.get(self._client, 0.0):
            tell(0.0, "not_sent")
            raise StoreUnavailable("Redis did not answer a moment ago")
        self._began = time.perf_counter()

    def __exit__(self, _type: Any, error: BaseException | None, _traceback: Any) -> None:
        seconds = time.perf_counter() - self._began
        if error is None or not isinstance(error, exceptions.RedisError | exceptions.RedisClusterException):
            tell(seconds, "answered")
            return
        # A pipeline puts the whole command, data included, before the reason.
        reason = str(error).rpartition(" caused error: ")[2]
        if not isinstance(error, OUTAGES) and not reason.startswith(OUTAGE_CODES):
            tell(seconds, "answered")
            return
        tell(seconds, "hung" if isinstance(error, exceptions.TimeoutError) else "away")
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
