"""Sessions in Redis: read in one command, created in one, changed or ended by compare-and-set. Knows no HTTP.

:class:`SessionStore` has the methods that pyramid_session_redis calls on its Redis client, so it is handed to it as one.
There is one per request, because it remembers the version that the request loaded: no write goes through that was not
made against the stored version, and none brings back a session that has ended.
"""

import time
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from redis import Redis

from shopapp.redis import unavailable_on_error
from shopapp.sessions.merge import merge
from shopapp.sessions.record import Header, Record, Sealer, SessionId

WRITE_ATTEMPTS = 50
"""In each round of conflicting writers one wins, so this many can write one session at the same moment."""

# KEYS: the session. ARGV: seal of the version that the caller knows, new value ("" deletes), seconds to live ("" none).
# Returns 1 when done, nil when there is no session, else the value that is there instead.
COMPARE_AND_SET = """
local stored = redis.call('GET', KEYS[1])
if not stored then return nil end
if string.sub(stored, 1, #ARGV[1]) ~= ARGV[1] then return stored end
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
elseif ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
return 1
"""

# KEYS: the session. ARGV: the hash of the id's secret half, which the stored header holds while that id is the valid one.
END_IF_VALID = """
local stored = redis.call('GET', KEYS[1])
if stored and string.find(stored, ARGV[1], 1, true) then return redis.call('DEL', KEYS[1]) end
return 0
"""


class SessionGoneError(Exception):
    """The session was ended, or its id rotated away, after this request loaded it. Nothing was written."""


class SessionStore:
    """One request's view of the session it came with. See the module for what it promises.

    ``found`` tells how the lookup ended: None before it and for a new session, "live", "dead" when Redis holds no such
    session, "refused" when it holds one that does not accept this id or that we did not seal.
    """

    def __init__(
        self,
        client: Redis,
        sealer: Sealer,
        prefix: str,
        serialize: Callable[[Any], bytes],
        deserialize: Callable[[bytes], Any],
        ttl_on_read: int | None,
    ) -> None:
        self._client = client
        self._sealer = sealer
        self._prefix = prefix
        self._serialize = serialize
        self._deserialize = deserialize
        self._ttl_on_read = ttl_on_read
        self._compare_and_set = client.register_script(COMPARE_AND_SET)
        self._end = client.register_script(END_IF_VALID)
        self._loaded: Record | None = None
        self.found: Literal["live", "dead", "refused"] | None = None

    def get(self, session_id: str) -> bytes | None:
        """Return the payload of a live session, else None. One round trip."""
        wanted = SessionId.parse(session_id)
        key = self._key(wanted)
        with unavailable_on_error():
            value = self._client.getex(key, ex=self._ttl_on_read) if self._ttl_on_read else self._client.get(key)
        if value is None:
            self.found = "dead"
            return None
        record = self._sealer.open(key, value)
        if record is None or record.header.secret_hash != wanted.secret_hash:
            self.found = "refused"
            return None
        self.found = "live"
        self._loaded = record
        return record.payload

    def setex(self, session_id: str, seconds: int, payload: bytes) -> None:
        """Store ``payload`` for ``seconds``: a new session if none was loaded, else a guarded change of the loaded one.

        Raises SessionGoneError if the loaded session has ended or been rotated away.
        """
        self._write(SessionId.parse(session_id), payload, seconds)

    def set(self, session_id: str, payload: bytes) -> None:
        """As :meth:`setex`, with no time to live (``redis.sessions.set_redis_ttl = false``)."""
        self._write(SessionId.parse(session_id), payload, None)

    def expire(self, session_id: str, seconds: int) -> None:
        """Push the session's end out to ``seconds`` from now, unless reading it has. A session that has ended stays so."""
        if self._ttl_on_read:
            return
        with unavailable_on_error():
            self._client.expire(self._key(SessionId.parse(session_id)), seconds)

    def delete(self, session_id: str) -> None:
        """End the session in one step, whatever other requests write to it, unless it was rotated away from this id."""
        target = SessionId.parse(session_id)
        with unavailable_on_error():
            self._end(keys=[self._key(target)], args=[target.secret_hash])
        self._loaded = None

    @property
    def payload(self) -> bytes:
        """The session's payload as it was last loaded or stored by this request; empty if there is none."""
        return self._loaded.payload if self._loaded else b""

    def forget(self) -> None:
        """Let the loaded session be: the next write makes a new one."""
        self._loaded = None

    def _key(self, session_id: SessionId) -> str:
        return self._prefix + session_id.series_hash

    def _write(self, target: SessionId, payload: bytes, seconds: int | None) -> None:
        self._loaded = (
            self._create(target, payload, seconds)
            if self._loaded is None
            else self._change(self._loaded, target, payload, seconds)
        )

    def _create(self, target: SessionId, payload: bytes, seconds: int | None) -> Record:
        key = self._key(target)
        record = self._sealer.seal(key, Header(secret_hash=target.secret_hash, issued=int(time.time())), payload)
        with unavailable_on_error():
            created = self._client.set(key, record.encode(), ex=seconds, nx=True)
        if not created:
            # With 256 random bits in the key this is a broken id generator, not chance: never share a session.
            raise RuntimeError("the id generator made an id that exists already")
        return record

    def _change(self, base: Record, target: SessionId, payload: bytes, seconds: int | None) -> Record:
        """Compare-and-set ``payload``, merging on conflict with what another request stored meanwhile."""
        key = self._key(target)
        rotating = target.secret_hash != base.header.secret_hash
        known, mine = base, payload
        for _ in range(WRITE_ATTEMPTS):
            header = (
                Header(secret_hash=target.secret_hash, issued=int(time.time())) if rotating else known.header
            )
            record = self._sealer.seal(key, header, mine)
            stored = self._swap(key, known, record.encode(), seconds)
            if stored is None:
                return record
            if stored.header.secret_hash != base.header.secret_hash:
                raise SessionGoneError
            known, mine = stored, self._merge(base.payload, stored.payload, payload)
        raise RuntimeError("session still contended after many attempts")

    def _swap(self, key: str, known: Record, value: bytes, seconds: int | None) -> Record | None:
        """Put ``value`` in place of ``known`` and return None, or return the record that is there instead.

        Raises SessionGoneError if nothing of ours is there any more.
        """
        with unavailable_on_error():
            reply = self._compare_and_set(keys=[key], args=[known.seal, value, "" if seconds is None else seconds])
        if reply == 1:
            return None
        stored = None if reply is None else self._sealer.open(key, reply)
        if stored is None:
            raise SessionGoneError
        return stored

    def _merge(self, base: bytes, theirs: bytes, mine: bytes) -> bytes:
        """Merge whole payloads of pyramid_session_redis: data (m) three ways, the later expiry (x), the rest as mine."""
        was, stored, wanted = (self._deserialize(payload) for payload in (base, theirs, mine))
        merged = {**wanted, "m": merge(was["m"], stored["m"], wanted["m"])}
        if "x" in wanted and "x" in stored:
            merged["x"] = max(wanted["x"], stored["x"])
        return self._serialize(merged)


def encode_json(data: Any) -> bytes:
    """Serialise session data. Raises TypeError for what JSON cannot hold."""
    return msgspec.json.encode(data)


def decode_json(payload: bytes) -> Any:
    """The reverse of :func:`encode_json`. Raises msgspec.DecodeError for anything else."""
    return msgspec.json.decode(payload)
