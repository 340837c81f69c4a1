"""What is counted and measured beside the events (``shopapp.audit``) and mail (``shopapp.mail``). Counts nothing.

Every one has labels, so that none has a value before it is settled where values are kept: ``folder.py``.
"""

from typing import get_args

from prometheus_client import Counter, Gauge, Histogram

from shopapp.audit import EVENTS
from shopapp.events import EndReason

REQUESTS = Histogram(
    "shopapp_request_seconds",
    "Time from a request's arrival at the app to its answer, with all its attempts",
    ["route", "method", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)

RUN_AGAIN = Counter(
    "shopapp_requests_run_again", "Requests that another one got into the way of, by what for", ["reason"]
)

ROUND_TRIPS = Histogram(
    "shopapp_redis_round_trip_seconds",
    "Exchanges with Redis, by how they ended",
    ["outcome"],
    buckets=(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)

BREAKER = Gauge(
    "shopapp_redis_breaker_open",
    "Processes that leave a node of Redis alone for the moment, for it hangs, loads its data or is busy",
    ["node"],
    multiprocess_mode="livesum",
)

DATABASE = Gauge(
    "shopapp_database_away",
    "Processes whose database does not answer, or has refused or lost a connection and not been asked since",
    ["engine"],
    multiprocess_mode="livesum",
)

HASHES = Gauge(
    "shopapp_hashes",
    "Passwords that are being hashed, and people who wait for that",
    ["state"],
    multiprocess_mode="livesum",
)

REFUSED = ("signature", "doubled", "dead", "late", "refused", "rubbish")
ROTATED = ("login", "password", "email", "periodic")
THROTTLED = ("account", "person", "device", "mail", "address", "network", "busy")
CHECKOUT = ("cart_empty", "conflict", "invalid", "short", "signed_out", "total_changed")

KNOWN_EVENTS = {
    "CartItemAdded": ("",),
    "CartItemRemoved": ("",),
    "CartMerged": ("",),
    "CheckoutRefused": CHECKOUT,
    "OrderPlaced": ("",),
    "SessionConflict": ("",),
    "SessionEnded": get_args(EndReason),
    "SessionIndexLost": ("",),
    "SessionMerged": ("",),
    "SessionRefused": REFUSED,
    "SessionRotated": ROTATED,
    "SessionStarted": ("",),
    "SessionWriteDeferred": ("",),
    "SessionWriteDropped": ("",),
    "Throttled": THROTTLED,
    "UserLoggedIn": ("",),
    "UserLoginFailed": ("",),
    "UserLoggedOut": ("",),
}
"""Event: its reasons. A count that is not there until it is 1 has never risen to Prometheus, and an alert misses it."""


def begin_at_zero() -> None:
    """Have what can be known of before be there from the start."""
    for event, reasons in KNOWN_EVENTS.items():
        for reason in reasons:
            EVENTS.labels(event, reason)
