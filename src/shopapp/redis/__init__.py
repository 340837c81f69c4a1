"""Redis: one client from one URL, scripts, and one exception for all the ways in which it can be away."""

from shopapp.redis.clients import Client, client_of
from shopapp.redis.connecting import connect, started
from shopapp.redis.eviction import REMEDY as EVICTION_REMEDY
from shopapp.redis.eviction import evicting_policies
from shopapp.redis.guard import ADVICE, HANG_SECONDS, StoreUnavailable, sent, unavailable_on_error
from shopapp.redis.scripts import Script

__all__ = [
    "ADVICE",
    "EVICTION_REMEDY",
    "HANG_SECONDS",
    "Client",
    "Script",
    "StoreUnavailable",
    "client_of",
    "connect",
    "evicting_policies",
    "sent",
    "started",
    "unavailable_on_error",
]
