"""What an app keeps in a session, as bytes: how it is written, read, limited in size and merged."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from shopapp.sessions.merge import merge


class SessionTooLargeError(Exception):
    """The app put more into a session than ``redis.sessions.max_size`` allows. Nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Payloads:
    """Payloads of pyramid_session_redis: the app's data is under ``m``, the time of expiry under ``x``."""

    serialize: Callable[[Any], bytes]
    deserialize: Callable[[bytes], Any]
    max_size: int
    """In bytes."""

    def check_size(self, payload: bytes) -> None:
        """Raise SessionTooLargeError, with the name of what takes most of it, if ``payload`` is over the limit."""
        if len(payload) <= self.max_size:
            return
        data = self.deserialize(payload)["m"]
        largest = max(data, key=lambda name: len(self.serialize(data[name])), default="")
        raise SessionTooLargeError(
            f"The session would take {len(payload)} bytes, and redis.sessions.max_size allows {self.max_size}; "
            f"most of it is under {largest!r}. Keep such data elsewhere, under the session's handle."
        )

    def merge(self, base: bytes, theirs: bytes, mine: bytes) -> bytes:
        """Merge the data three ways, take the later expiry, and the rest from ``mine``."""
        was, stored, wanted = (self.deserialize(payload) for payload in (base, theirs, mine))
        merged = {**wanted, "m": merge(was["m"], stored["m"], wanted["m"])}
        if "x" in wanted and "x" in stored:
            merged["x"] = max(wanted["x"], stored["x"])
        return self.serialize(merged)


def encode_json(data: Any) -> bytes:
    """Serialise session data. Raises TypeError for what would come back as something else: a date, a set, bytes."""
    _check_plain(data)
    return msgspec.json.encode(data)


def decode_json(payload: bytes) -> Any:
    """The reverse of :func:`encode_json`. Raises msgspec.DecodeError for anything else."""
    return msgspec.json.decode(payload)


def _check_plain(value: Any, name: str = "") -> None:
    """Raise TypeError unless ``value`` is what JSON knows, all the way down. msgspec would turn dates into text."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the keys of a session must be text, and one under {name!r} is {type(key).__name__}")
            _check_plain(item, key)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_plain(item, name)
    elif value is not None and not isinstance(value, str | int | float):
        raise TypeError(f"a session holds what JSON can hold, and {name!r} is {type(value).__name__}")
