"""Gives a client watched connections, whoever made it, and makes some of them before they are needed."""

import logging
import threading
from typing import TypeVar

import redis
from redis.connection import Connection, ConnectionPool

from shopapp.redis.clients import Client
from shopapp.redis.connections import watched
from shopapp.redis.guard import StoreUnavailable, unavailable_on_error

AnyClient = TypeVar("AnyClient", bound=Client)

log = logging.getLogger(__name__)


def adopt(client: AnyClient) -> AnyClient:
    """Have all connections of a client watched, and return it. Twice is as good as once, and costs next to nothing.

    Those that it has are not used any more. What is no client of redis-py's stays as it is.
    """
    if isinstance(client, redis.RedisCluster):
        options = client.nodes_manager.connection_kwargs  # of nodes that come later
        known = options.get("connection_class", Connection)
        made = watched(known)
        if made is not known:
            options["connection_class"] = made
            for pool in _pools(client):
                _watch_pool(pool)
    elif isinstance(client, redis.Redis):
        _watch_pool(client.connection_pool)
    return client


def warm_up(client: Client, number: int) -> threading.Thread:
    """Begin to open so many connections, and return the thread that does it. Where Redis is away it does nothing."""
    thread = threading.Thread(target=_open, args=(client, number), daemon=True, name="redis-warm-up")
    thread.start()
    return thread


def _open(client: Client, number: int) -> None:
    for pool in _pools(client):
        opened: list[Connection] = []
        try:
            with unavailable_on_error(client):
                opened.extend(pool.get_connection() for _ in range(number))
        except StoreUnavailable as error:
            log.info("redis_not_there_at_start error=%r", str(error))
        finally:
            for connection in opened:
                pool.release(connection)


def _pools(client: Client) -> list[ConnectionPool]:
    if not isinstance(client, redis.RedisCluster):
        return [client.connection_pool]
    nodes = client.get_nodes()
    return [node.redis_connection.connection_pool for node in nodes if node.redis_connection]


def _watch_pool(pool: ConnectionPool) -> None:
    made = watched(pool.connection_class)
    if made is not pool.connection_class:
        pool.connection_class = made
        pool.reset()
