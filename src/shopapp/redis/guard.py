"""One exception for all the ways in which Redis can be away, and no waiting for one that is known to be."""

import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from redis import exceptions

from shopapp.redis.clients import Client
from shopapp.redis.nodes import NodeAway
from shopapp.redis.turns import here
from shopapp.redis.watching import tell

# Redis is there but cannot serve: full, a replica after a failover, closed to us, or a cluster that lost nodes.
OUTAGES = (
    NodeAway,
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
# ours (in the words of Valkey, and of Redis), no node there.
OUTAGE_CODES = (
    "MISCONF",
    "NOREPLICAS",
    "BUSY ",
    "ACL failure in script",
    "The user executing the script can't ",
    "Redis Cluster cannot be connected",
)

# Before version 7, Redis tells of an error within a script in a sentence around it.
IN_SCRIPT = re.compile(
    r"Error running script \(call to \w+\): @user_script:\d+: (?:@user_script: ?\d+: )?-?(.+)", re.DOTALL
)
OUTAGE_CODES_IN_SCRIPT = (*OUTAGE_CODES, "OOM ", "READONLY ", "NOPERM ")

ADVICE = "Is Redis there, and is redis.sessions.redis_url right?"
"""What to ask an operator whose Redis is away."""


class StoreUnavailable(Exception):
    """Redis cannot be reached or cannot serve. What was asked of it may or may not have been done."""


class unavailable_on_error(AbstractContextManager[None]):
    """Turn what redis-py raises in an outage into StoreUnavailable; a mistake in a command stays what it is.

    With a ``client``, its connections are watched meanwhile, as in ``connections.py``: nothing is sent to a node that
    is known to be away, and no request waits longer than it may. Else a Redis that hangs would hold every thread of
    the server, and with them the pages that need no Redis at all.
    """

    __slots__ = ("_began", "_client")

    def __init__(self, client: Client | None = None) -> None:
        self._client, self._began = client, 0.0

    def __enter__(self) -> None:
        if self._client is not None:
            here.depth += 1
        self._began = time.perf_counter()

    def __exit__(self, _type: Any, error: BaseException | None, _traceback: Any) -> None:
        if self._client is not None:
            here.depth -= 1
        seconds = time.perf_counter() - self._began
        reason = ""
        if error is not None and isinstance(error, exceptions.RedisError | exceptions.RedisClusterException):
            reason = _outage(error)
        if not reason:
            tell(seconds, "answered")
            return
        if isinstance(error, NodeAway):
            tell(seconds, "not_sent")
        else:
            tell(seconds, "hung" if isinstance(error, exceptions.TimeoutError) else "away")
        raise StoreUnavailable(reason) from error


def _outage(error: Exception) -> str:
    """Return why Redis is away, if that is what the error says."""
    # A pipeline puts the whole command, data included, before the reason.
    reason = str(error).rpartition(" caused error: ")[2]
    if isinstance(error, OUTAGES) or reason.startswith(OUTAGE_CODES):
        return reason or type(error).__name__
    within = IN_SCRIPT.match(reason)
    return within[1] if within and within[1].startswith(OUTAGE_CODES_IN_SCRIPT) else ""


def checked(answers: list[Any]) -> list[Any]:
    """Return what a pipeline that raises nothing has answered. Of errors only that a key holds another type than it
    should may be an answer. Raises any other, as redis-py does.
    """
    for answer in answers:
        if isinstance(answer, Exception) and "WRONGTYPE" not in str(answer):
            raise answer
    return answers


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
