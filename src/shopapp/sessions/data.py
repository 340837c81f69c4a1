"""What an app keeps in a session, as bytes: how it is written, read and limited in size. Knows no Redis."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

import msgspec


class SessionTooLargeError(Exception):
    """The app put more into a session than ``redis.sessions.max_size`` allows. Nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """Writes and reads the data of sessions, by the app's own functions or as JSON."""

    serialize: Callable[[dict[str, Any]], bytes]
    deserialize: Callable[[bytes], dict[str, Any]]
    check: Callable[[dict[str, Any]], None]
    """Raises TypeError for data that would come back as something else; called before what has changed is stored."""
    max_size: int
    """In bytes."""

    def encode(self, data: dict[str, Any]) -> bytes:
        """Return the payload to compare with what is stored. Raises TypeError."""
        return self.serialize(data)

    def admit(self, data: dict[str, Any], payload: bytes) -> None:
        """Raise TypeError for data that would come back as something else, and SessionTooLargeError, with the name of
        what takes most of it, for a payload over the limit.
        """
        self.check(data)
        if len(payload) <= self.max_size:
            return
        largest = max(data, key=lambda name: len(self.serialize({name: data[name]})), default="")
        raise SessionTooLargeError(
            f"The session would take {len(payload)} bytes, and redis.sessions.max_size allows {self.max_size}; "
            f"most of it is under {largest!r}. Keep such data elsewhere, under the session's handle."
        )


encode_json = msgspec.json.Encoder().encode
_decode_json = msgspec.json.Decoder().decode


def decode_json(payload: bytes) -> dict[str, Any]:
    """The reverse of ``encode_json``. Raises msgspec.DecodeError for anything but an object."""
    data = _decode_json(payload)
    if type(data) is not dict:
        raise msgspec.DecodeError("not the data of a session")
    return data


def check_plain(value: Any, name: str = "") -> None:
    """Raise TypeError unless ``value`` is what JSON knows, all the way down: msgspec would turn a date into text, a
    tuple into a list and NaN into null.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the keys of a session must be text, and one under {name!r} is {type(key).__name__}")
            check_plain(item, key)
    elif isinstance(value, list):
        for item in value:
            check_plain(item, name)
    elif isinstance(value, float):
        if not isfinite(value):
            raise TypeError(f"a session holds what JSON can hold, and {name!r} is {value}")
    elif value is not None and not isinstance(value, str | int):
        raise TypeError(f"a session holds what JSON can hold, and {name!r} is {type(value).__name__}")
