"""Is a node back? Asked over a connection of its own, by the thread that watches the node."""

from contextlib import suppress
from typing import Any

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from shopapp.redis.turns import no_turn

PROBE_SECONDS = 1.0
"""So long a node is waited for before it is asked over another connection. Whoever thaws answers what waits there."""


def is_back(failed: Any) -> bool | None:
    """Return whether the node of the connection that failed serves again; None if nobody uses that any more.

    Meanwhile, look whether its cluster goes on without it.
    """
    if failed is None:
        return None
    connection = _another(failed)
    cluster = getattr(failed.redis_connect_func, "__self__", None)
    del failed  # this must not keep it, and with it the client that it is of
    try:
        connection.connect()
        connection.send_command("PING")
        connection.read_response()
    except (exceptions.TimeoutError, exceptions.BusyLoadingError):
        if isinstance(cluster, redis.RedisCluster):
            with no_turn(), suppress(exceptions.RedisError, exceptions.RedisClusterException):
                cluster.nodes_manager.initialize()
        return False
    except exceptions.ResponseError as error:
        return not str(error).startswith("BUSY ")
    except exceptions.RedisError:
        return True  # it refuses, and says so at once to whoever asks
    finally:
        connection.disconnect()
    return True


def _another(connection: Any) -> Any:
    patience = {"socket_timeout": PROBE_SECONDS, "socket_connect_timeout": PROBE_SECONDS}
    once = {"retry": Retry(NoBackoff(), retries=0)}
    return type(connection)(**{**connection.made_of, **patience, **once})
