"""Session ids: what the cookie carries, how they follow from one another, what one is good for. Knows no Redis.

An id is *series*, *generation* and *secret*. The series stays for the session's life and names it: its hash is the
session's handle. The secret is what rotation replaces. It is computed from series, salt and generation with our key, so
that the id which follows is known without being stored, and a retired one is recognised for as long as the session
lives. A login, a password change or ``rotate()`` goes on to another salt, from which no way leads back.
"""

from collections.abc import Sequence
from enum import Enum
from hashlib import blake2b
from hmac import compare_digest
from typing import TYPE_CHECKING, Literal

import msgspec

from shopapp.sessions.macs import Mac

if TYPE_CHECKING:
    from shopapp.sessions.header import Header

HASH_DIGITS = 32
"""Hex digits kept of a hash: 128 bits, so that no two sessions meet, and nothing can be found backwards."""


class SessionId(msgspec.Struct, frozen=True):
    """A session id. ``str()`` gives the text that the signed cookie carries: characters that a cookie can hold."""

    series: str
    generation: int
    secret: str

    @classmethod
    def parse(cls, text: str) -> "SessionId | None":
        """Return the id in ``text``; None if there is none. A series may hold dots."""
        head, _, secret = text.rpartition(".")
        series, _, generation = head.rpartition(".")
        if not (series and secret and generation.isascii() and generation.isdigit() and len(generation) < 10):
            return None
        return cls(series, int(generation), secret)

    def __str__(self) -> str:
        return f"{self.series}.{self.generation}.{self.secret}"

    @property
    def handle(self) -> str:
        """What logs, pages, other stores and the Redis key call this session. It is no secret."""
        return hashed(self.series)


Kind = Literal["login", "password", "rotate"]
"""What cuts off all earlier ids: each but the last needs a proof."""
KINDS: tuple[Kind, ...] = ("login", "password", "rotate")


class Standing(Enum):
    """What an id is to a session as it is stored now."""

    CURRENT = "the valid one"
    NEXT = "the one that follows the valid one: its browser has got it, and shows it for the first time"
    AHEAD = "the one after a cut that may not have been stored: it was given out when nobody knew"
    RETIRED = "one that a periodic rotation replaced"
    CUT_OFF = "none: from before a login or password change, or of no session of ours"


class IdIssuer:
    """Computes ids with keys derived from the signing secrets: the first issues, all are recognised."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._macs = [Mac(secret, "session id") for secret in secrets]

    def issue(self, series: str, salt: str, generation: int) -> SessionId:
        """Return the id of a session's generation."""
        return SessionId(series, generation, _secret(self._macs[0], series, salt, generation))

    def next_salt(self, salt: str, kind: Kind) -> str:
        """Return the salt to go on with where no earlier id may lead to the session any more.

        It is computed as well, so that a browser can be given the new id although nobody knows whether Redis, which
        did not answer, has stored it: see :meth:`salt_ahead`. Each kind of cut has one of its own: who may do the one
        does not get the id that follows another.
        """
        return _next_salt(self._macs[0], salt, kind)

    def salt_ahead(self, session_id: SessionId, salt: str) -> str | None:
        """Return the salt after a cut of which this id is the first; None if it is of none."""
        salts = (_next_salt(mac, salt, kind) for mac in self._macs for kind in KINDS)
        return next((ahead for ahead in salts if any(_is_made(mac, session_id, ahead) for mac in self._macs)), None)

    def series_of_form(self, form: str, user_id: int | str) -> str:
        """Return the series of the session that a sign-in form starts for a person, however often it is sent."""
        return _join(self._macs[0], "form", form, type(user_id).__name__, str(user_id))

    def standing(self, session_id: SessionId, header: "Header") -> Standing:
        """Return what the id is to the session with this header."""
        if hashed(session_id.secret) == header.secret_hash:
            return Standing.CURRENT
        if any(_is_made(mac, session_id, header.salt) for mac in self._macs):
            ahead = session_id.generation - header.generation
            if ahead < 0:
                return Standing.RETIRED
            return Standing.NEXT if ahead == 1 else Standing.CURRENT
        return Standing.AHEAD if self.salt_ahead(session_id, header.salt) else Standing.CUT_OFF


def hashed(text: str) -> str:
    """Return the hash under which a half of an id is stored."""
    return blake2b(text.encode(), digest_size=HASH_DIGITS // 2).hexdigest()


def _secret(mac: Mac, series: str, salt: str, generation: int) -> str:
    return _join(mac, "id", series, salt, str(generation))


def _next_salt(mac: Mac, salt: str, kind: Kind) -> str:
    return _join(mac, "salt", kind, salt)


def _is_made(mac: Mac, session_id: SessionId, salt: str) -> bool:
    secret = _secret(mac, session_id.series, salt, session_id.generation)
    return compare_digest(secret.encode(), session_id.secret.encode())


def _join(mac: Mac, *parts: str) -> str:
    return mac("".join(f"{len(part)}:{part}" for part in parts).encode()).decode()
