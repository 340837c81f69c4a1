"""What a client of Redis is, and which one a request has."""

from typing import TypeAlias

import redis
from pyramid.request import Request

Client: TypeAlias = redis.Redis | redis.RedisCluster
"""What `connect` makes."""


def client_of(request: Request) -> Client:
    """Return the Redis client for this request, as the app's registry has it: ``sessions.client`` says which.

    A function, because each property that an app adds to its requests costs every request a class of its own.
    """
    found: Client = request.registry["shopapp.redis"](request)
    return found
