"""How a session looks in Redis: one key, one sealed value. Knows bytes and hashes, never Redis or HTTP.

A session id has two halves, series and secret. The series stays for the session's life and names the Redis key (by its
hash, the handle); the secret half is what rotation replaces, and the value holds only its hash. So a rotation changes
one value of one key: it is atomic on a single server and on a cluster alike, at no moment are both ids valid, or none,
and a stolen dump of Redis is no bunch of keys.

The value is ``<seal>.<header JSON>\\n<payload>``. The seal is an HMAC over key, header and payload, checked before
anything is decoded: who can write to Redis but does not know the secret cannot make a session.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

RECORD_VERSION = 1
HASH_DIGITS = 32
"""Hex digits kept of a hash: 128 bits, so that no two sessions meet, and nothing can be found backwards."""
RETIRED_KEPT = 32
"""Retired ids remembered per session: with a rotation every half hour, more than a working day of them."""


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who logged in, from where, with which browser: what the list of a person's sessions shows."""

    user_id: int | str
    address: str = ""
    agent: str = ""


class Retired(msgspec.Struct, frozen=True, array_like=True):
    """A former id of the session, by its hash, and when it was retired."""

    secret_hash: str
    at: int


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What we keep about a session beside its payload. Times are whole seconds since 1970.

    ``secret_hash`` says which id is the valid one, issued at ``issued``. ``pepper`` is what, together with the id that
    the last periodic rotation retired, makes the valid one. ``started`` is when the session began, or its login;
    ``ends`` when its absolute lifetime is over (0: never); ``used`` when it was last written, and ``idle`` for how many
    seconds it may stay without use (0: for ever).
    """

    version: int
    secret_hash: str
    issued: int
    started: int
    used: int
    ends: int = 0
    idle: int = 0
    pepper: str = ""
    retired: tuple[Retired, ...] = ()
    person: Person | None = None

    @classmethod
    def new(cls, secret_hash: str, now: int, lifetime: int | None, person: Person | None) -> "Header":
        """The header of a session that begins now, or begins anew with a login: no earlier id leads to it."""
        return cls(
            version=RECORD_VERSION,
            secret_hash=secret_hash,
            issued=now,
            started=now,
            used=now,
            ends=now + lifetime if lifetime else 0,
            person=person,
        )

    def severed(self, secret_hash: str, now: int) -> "Header":
        """The header under a new id, with no way to it from any earlier one."""
        return replace(self, secret_hash=secret_hash, issued=now, used=now, pepper="", retired=())

    def rotated(self, secret_hash: str, pepper: str, now: int) -> "Header":
        """The header under a new id, which the present one leads to for a while."""
        retired = (*self.retired, Retired(self.secret_hash, now))[-RETIRED_KEPT:]
        return replace(self, secret_hash=secret_hash, issued=now, used=now, pepper=pepper, retired=retired)

    def retired_at(self, secret_hash: str) -> int | None:
        """When a periodic rotation retired the id with this hash; None if none did."""
        return next((retired.at for retired in self.retired if retired.secret_hash == secret_hash), None)


class Record(msgspec.Struct, frozen=True):
    """One version of one session as it is, or shall be, stored. ``seal`` identifies the version."""

    seal: bytes
    header: Header
    payload: bytes

    def encode(self) -> bytes:
        """Return the value to store."""
        return b"%b.%b\n%b" % (self.seal, msgspec.json.encode(self.header), self.payload)


class SessionId(msgspec.Struct, frozen=True):
    """A session id as its two halves. ``str()`` gives the text that the signed cookie carries."""

    series: str
    secret: str

    @classmethod
    def new(cls, generator: Callable[[], str], series: str = "") -> "SessionId":
        """Return a new id, of the same session if its ``series`` is given."""
        return cls(series or generator(), generator())

    @classmethod
    def parse(cls, text: str) -> "SessionId":
        """Return the halves of ``text``. A text without a space has an empty series, which no stored session has."""
        series, _, secret = text.rpartition(" ")
        return cls(series, secret)

    def __str__(self) -> str:
        return f"{self.series} {self.secret}"

    @property
    def handle(self) -> str:
        """What logs, pages, other stores and the Redis key call this session. It is no secret."""
        return _hash(self.series)

    @property
    def secret_hash(self) -> str:
        """What the stored header says if this id is the valid one."""
        return _hash(self.secret)


class Sealer:
    """Makes and opens records with keys derived from the signing secrets; the first seals, all open."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [hmac.digest(secret.encode(), b"shopapp.sessions record", "sha256") for secret in secrets]

    def seal(self, key: str, header: Header, payload: bytes) -> Record:
        """Return the record to store under the Redis key ``key``."""
        return Record(_mac(self._keys[0], key.encode(), msgspec.json.encode(header), payload), header, payload)

    def open(self, key: str, value: bytes) -> Record | None:
        """Return the record in ``value``, or None if it is not one that we sealed for this very ``key``."""
        seal, _, body = value.partition(b".")
        header, newline, payload = body.partition(b"\n")
        parts = (key.encode(), header, payload)
        if not newline or not any(hmac.compare_digest(seal, _mac(mac_key, *parts)) for mac_key in self._keys):
            return None
        try:
            decoded = msgspec.json.decode(header, type=Header)
        except msgspec.DecodeError:
            return None
        return Record(seal, decoded, payload) if decoded.version == RECORD_VERSION else None

    def successor(self, retired: SessionId, pepper: str) -> SessionId:
        """Return the id that shall follow ``retired``.

        It is computed, not stored: so a request that comes with the retired id can be given the new cookie, while a
        dump of Redis, which has neither the retired id nor our key, leads to neither.
        """
        return _successor(self._keys[0], retired, pepper)

    def find_successor(self, retired: SessionId, header: Header) -> SessionId | None:
        """Return the id that followed ``retired``, if that is the one that ``header`` says is valid."""
        candidates = (_successor(mac_key, retired, header.pepper) for mac_key in self._keys)
        return next((found for found in candidates if found.secret_hash == header.secret_hash), None)


def _successor(mac_key: bytes, retired: SessionId, pepper: str) -> SessionId:
    return SessionId(retired.series, _mac(mac_key, retired.secret.encode(), pepper.encode()).decode())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]


def _mac(mac_key: bytes, *parts: bytes) -> bytes:
    digest = hmac.digest(mac_key, b"\n".join(parts), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=")
