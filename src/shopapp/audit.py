"""Watches events: one audit line and one count each. Changes nothing, and names a session only by its handle."""

import json
import logging
import re
from typing import Any

from prometheus_client import Counter

audit = logging.getLogger("shopapp.audit")

EVENTS = Counter("shopapp_events", "What happened, by the event's name and reason", ["event", "reason"])

SUSPICIOUS = ("signature", "doubled", "rubbish", "reused")
"""Reasons that no honest browser gives."""

FIELDS = (
    "handle",
    "action",
    "reason",
    "user_id",
    "sku",
    "quantity",
    "lines",
    "cut",
    "left_out",
    "places",
    "number",
    "total",
)
"""What of an event is told. What was typed at a failed login is not: people type passwords into the e-mail field."""


def on_event(event: Any) -> None:
    """Write the event's audit line and count it."""
    name = type(event).__name__
    EVENTS.labels(name, getattr(event, "reason", "")).inc()
    if not getattr(event, "is_first", True):
        return  # a flood is a line for each wait, not for each request
    told = {"event": name, "address": event.request.remote_addr}
    told |= {field: getattr(event, field) for field in FIELDS if getattr(event, field, None) is not None}
    level = logging.WARNING if getattr(event, "reason", "") in SUSPICIOUS else logging.INFO
    audit.log(level, " ".join(f"{field}={_in_one_word(value)}" for field, value in told.items()))


def _in_one_word(value: Any) -> str:
    """Quote what could be read as another field, or another line, of the log."""
    text = str(value)
    return text if re.fullmatch(r"[\w.:@/+-]+", text) else json.dumps(text)
