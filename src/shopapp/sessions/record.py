"""How a session looks in Redis: one key, one sealed value. Knows bytes and hashes, never Redis or HTTP.

A session id is ``<series>.<secret>``. The series stays for the session's life and names the Redis key (by its hash);
the secret half is what rotation replaces, and the value holds only its hash. So a rotation changes one value of one
key: it is atomic on a single server and on a cluster alike, and a stolen dump of Redis is no bunch of keys.

The value is ``<seal>.<header JSON>\\n<payload>``. The seal is an HMAC over key, header and payload, checked before
anything is decoded: who can write to Redis but does not know the secret cannot make a session.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence

import msgspec

RECORD_VERSION = 1
HANDLE_LENGTH = 16
"""Hex digits of a handle: 64 bits are enough to tell sessions apart in a log, and nothing can be opened with them."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What we keep about a session beside its payload. ``secret_hash`` says which id is the valid one."""

    secret_hash: str
    issued: int
    version: int = RECORD_VERSION


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
        """Return the halves of ``text``. A text without a dot has an empty secret, which no stored session has."""
        series, _, secret = text.rpartition(".")
        return cls(series, secret)

    def __str__(self) -> str:
        return f"{self.series}.{self.secret}"

    @property
    def series_hash(self) -> str:
        """The part of the Redis key that stands for this session."""
        return _sha256(self.series)

    @property
    def secret_hash(self) -> str:
        """What the stored header says if this id is the valid one."""
        return _sha256(self.secret)

    @property
    def handle(self) -> str:
        """What logs, pages and metrics call this session."""
        return self.series_hash[:HANDLE_LENGTH]


class Sealer:
    """Makes and opens records with keys derived from the signing secrets; the first seals, all open."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [hmac.digest(secret.encode(), b"shopapp.sessions record", "sha256") for secret in secrets]

    def seal(self, key: str, header: Header, payload: bytes) -> Record:
        """Return the record to store under the Redis key ``key``."""
        return Record(_mac(self._keys[0], key, msgspec.json.encode(header), payload), header, payload)

    def open(self, key: str, value: bytes) -> Record | None:
        """Return the record in ``value``, or None if it is not one that we sealed for this very ``key``."""
        seal, _, body = value.partition(b".")
        header, newline, payload = body.partition(b"\n")
        if not newline or not any(hmac.compare_digest(seal, _mac(k, key, header, payload)) for k in self._keys):
            return None
        try:
            decoded = msgspec.json.decode(header, type=Header)
        except msgspec.DecodeError:
            return None
        return Record(seal, decoded, payload) if decoded.version == RECORD_VERSION else None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _mac(mac_key: bytes, key: str, header: bytes, payload: bytes) -> bytes:
    digest = hmac.digest(mac_key, b"%b\n%b\n%b" % (key.encode(), header, payload), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=")
