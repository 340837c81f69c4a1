"""Redis: one client from one URL, scripts, and one exception for all the ways in which it can be away."""

from shopapp.redis.adopting import adopt, warm_up
from shopapp.redis.clients import Client, client_of
from shopapp.redis.connecting import connect, started
from shopapp.redis.eviction import REMEDY as EVICTION_REMEDY
from shopapp.redis.eviction import evicting_policies
from shopapp.redis.guard import ADVICE, StoreUnavailable, checked, sent, unavailable_on_error
from shopapp.redis.scripts import Script
from shopapp.redis.turns import Places, Turn, take_turn

__all__ = [
    "ADVICE",
    "EVICTION_REMEDY",
    "Client",
    "Places",
    "Script",
    "StoreUnavailable",
    "Turn",
    "adopt",
    "checked",
    "client_of",
    "connect",
    "evicting_policies",
    "sent",
    "started",
    "take_turn",
    "unavailable_on_error",
    "warm_up",
]
