"""How a session looks in Redis: one key, one sealed value. Knows bytes, never Redis or HTTP.

The value is ``<seal>.<header JSON>\\n<payload>``. The seal is a MAC over key, header and payload, checked before
anything is decoded: who can write to Redis but does not know the secret cannot make a session.
"""

from collections.abc import Sequence
from hmac import compare_digest

import msgspec

from shopapp.sessions.header import RECORD_VERSION, Header
from shopapp.sessions.macs import Mac

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Header).decode


class Record(msgspec.Struct, frozen=True):
    """One version of one session as it is, or shall be, stored. ``seal`` identifies the version.

    ``is_sealed_anew``: by the newest of the secrets.
    """

    seal: bytes
    header: Header
    payload: bytes
    value: bytes
    is_sealed_anew: bool = True


class Sealer:
    """Makes and opens records with keys derived from the signing secrets; the first seals, all open."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._newest, *self._older = (Mac(secret, "session record") for secret in secrets)

    def seal(self, key: str, header: Header, payload: bytes) -> Record:
        """Return the record to store under the Redis key ``key``."""
        body = b"%b\n%b" % (_encode(header), payload)
        seal = self._newest(b"%b\n%b" % (key.encode(), body))
        return Record(seal, header, payload, b"%b.%b" % (seal, body))

    def open(self, key: str, value: bytes) -> Record | None:
        """Return the record in ``value``, or None if it is not one that we sealed for this very ``key``."""
        seal, _, body = value.partition(b".")
        sealed = b"%b\n%b" % (key.encode(), body)
        is_newest = compare_digest(seal, self._newest(sealed))
        if not is_newest and not any(compare_digest(seal, older(sealed)) for older in self._older):
            return None
        header_json, newline, payload = body.partition(b"\n")
        try:
            header = _decode(header_json)
        except msgspec.DecodeError:
            return None
        if not newline or header.version != RECORD_VERSION:
            return None
        return Record(seal, header, payload, value, is_newest)
