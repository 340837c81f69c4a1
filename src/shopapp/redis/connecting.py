"""One Redis client from one URL. Knows no setting."""

from typing import Any
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shopapp.embedded import start_server
from shopapp.redis.adopting import watch
from shopapp.redis.clients import Client
from shopapp.redis.guard import unavailable_on_error


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
        # The older protocol needs no greeting, so a connection is there a round trip earlier.
        "protocol": 2,
    }
    if url.startswith(("redis+cluster://", "rediss+cluster://")):
        with unavailable_on_error():
            return watch(redis.RedisCluster.from_url(url.replace("+cluster", "", 1), **options), is_quick=True)
    return watch(redis.Redis.from_url(started(url), **options), is_quick=True)


def started(url: str) -> str:
    """Return the URL that leads to a server: for `embedded:` that of its socket, after it was started.

    Raises EmbeddedServerError.
    """
    if url.startswith("embedded:"):
        return f"unix://{quote(str(start_server(url.removeprefix('embedded:'))))}"
    return url
