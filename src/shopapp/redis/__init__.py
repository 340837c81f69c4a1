"""Redis: one client from one URL, scripts, and one exception for all the ways in which it can be away."""

from shopapp.redis.adopting import warm_up, watch
from shopapp.redis.clients import Client, client_of
from shopapp.redis.connecting import connect, started
from shopapp.redis.eviction import REMEDY as EVICTION_REMEDY
from shopapp.redis.eviction import evicting_policies
from shopapp.redis.guard import (
    ADVICE,
    StoreUnavailable,
    sent,
    unavailable_on_error,
)
from shopapp.redis.nodes import Node, node_at, nodes
from shopapp.redis.scripts import Script
from shopapp.redis.turns import Places, Turn, take_turn

__all__ = [
    "ADVICE",
    "EVICTION_REMEDY",
    "Client",
    "Node",
    "Places",
    "Script",
    "StoreUnavailable",
    "Turn",
    "client_of",
    "connect",
    "evicting_policies",
    "node_at",
    "nodes",
    "sent",
    "started",
    "take_turn",
    "unavailable_on_error",
    "warm_up",
    "watch",
]
