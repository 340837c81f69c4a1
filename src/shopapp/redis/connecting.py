"""One Redis client from one URL. Knows no setting."""

from typing import Any, cast
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.retry import Retry

from shopapp.embedded import start_server
from shopapp.redis.clients import Client
from shopapp.redis.connections import watched
from shopapp.redis.guard import unavailable_on_error
from shopapp.redis.replicas import waiting_for_replicas
from shopapp.redis.sentinel import PrimaryConnection, SecurePrimaryConnection, client_of_primary
from shopapp.settings.urls import RedisUrl, parse_redis_url


def connect(
    url: str,
    *,
    encoding: str = "utf-8",
    encoding_errors: str = "strict",
    socket_timeout: float | None = 1.0,
    min_replicas: int = 0,
) -> Client:
    """Make the client for a URL. A single server is not asked for anything yet, nor are Sentinels; a cluster is, for
    its nodes, and an `embedded:` server is started and waited for.

    With ``min_replicas`` each write waits for so many replicas, for half of the timeout at most.

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
    url = started(url)
    said = parse_redis_url(url)
    connection = watched(_connection_class(said), is_quick=True)
    if min_replicas:
        connection = waiting_for_replicas(connection, min_replicas, (socket_timeout or 1.0) / 2)
    if said.kind == "sentinel":
        primary = cast("type[PrimaryConnection]", connection)
        return client_of_primary(said.seeds, said.service, said.credentials, primary, {**options, **said.options})
    if said.kind == "cluster":
        return _cluster(said, connection, options)
    return redis.Redis.from_url(url, connection_class=connection, **options)


def _connection_class(said: RedisUrl) -> type[AbstractConnection]:
    if said.kind == "sentinel":
        return SecurePrimaryConnection if said.is_encrypted else PrimaryConnection
    if "path" in said.options:
        return UnixDomainSocketConnection
    return SSLConnection if said.is_encrypted else Connection


def _cluster(said: RedisUrl, connection: type[AbstractConnection], options: dict[str, Any]) -> redis.RedisCluster:
    """Return a client of the cluster that the nodes at the seeds are of: one that is there is enough."""
    of_nodes = {name: value for name, value in said.options.items() if name != "ssl"}
    first, *others = said.seeds
    host = f"[{first[0]}]" if ":" in first[0] else first[0]
    # redis-py takes the class of a connection only along with a URL.
    with unavailable_on_error():
        return redis.RedisCluster.from_url(
            f"redis://{host}:{first[1]}",
            startup_nodes=[ClusterNode(*seed) for seed in others],
            connection_class=connection,
            **of_nodes,
            **options,
        )


def started(url: str) -> str:
    """Return the URL that leads to a server: for `embedded:` that of its socket, after it was started.

    Raises EmbeddedServerError.
    """
    if url.startswith("embedded:"):
        return f"unix://{quote(str(start_server(url.removeprefix('embedded:'))))}"
    return url
