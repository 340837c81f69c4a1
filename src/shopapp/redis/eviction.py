"""Whether a Redis may throw keys away when its memory is full: sessions would end, and carts go, without a word."""

import re
from collections.abc import Iterable
from typing import Any

from redis import RedisCluster
from redis.exceptions import NoPermissionError, ResponseError

from shopapp.redis.clients import Client
from shopapp.redis.guard import unavailable_on_error

EVICTS = re.compile(r"(allkeys|volatile)-")
"""How the policies begin that do. Sessions and carts have a time to live, so those for such keys alone are as bad."""

REMEDY = "set maxmemory-policy noeviction, or redis.sessions.allow_eviction = true if sessions and carts may be lost so"


def evicting_policies(client: Client) -> list[str] | None:
    """Return the policies of its servers that can evict a session, each once: none is good. None if Redis does not say.

    Raises StoreUnavailable if it cannot be reached.
    """
    with unavailable_on_error(client):
        try:
            policies = _policies(client, "INFO")
        except (NoPermissionError, ResponseError):
            policies = set()
        if not policies:
            try:
                policies = _policies(client, "CONFIG")
            except (NoPermissionError, ResponseError):
                return None
    return sorted(policy for policy in policies if EVICTS.match(policy)) if policies else None


def _policies(client: Client, command: str) -> set[str]:
    """Ask the server, or each primary of a cluster. INFO is allowed by most who forbid CONFIG."""
    target = {"target_nodes": RedisCluster.PRIMARIES} if isinstance(client, RedisCluster) else {}
    answer: dict[Any, Any]
    if command == "INFO":
        answer, name = client.info("memory", **target), "maxmemory_policy"
    else:
        answer, name = client.config_get("maxmemory-policy", **target), "maxmemory-policy"
    answers: Iterable[Any] = answer.values() if target and name not in answer else [answer]
    found = (each.get(name) for each in answers)
    return {policy.decode() if isinstance(policy, bytes) else str(policy) for policy in found if policy}
