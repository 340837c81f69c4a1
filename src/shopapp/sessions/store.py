"""Sessions in Redis: read in one command, created in one, changed or ended by compare-and-set. Knows no HTTP.

:class:`SessionStore` has the methods that pyramid_session_redis calls on its Redis client, so it is handed to it as
one. There is one per request, because it remembers the version that the request loaded: no write goes through that was
not made against the stored version, and none brings back a session that has ended.
"""

import time
from dataclasses import dataclass
from typing import Literal

from redis.exceptions import ResponseError

from shopapp.redis import Client, StoreUnavailable, unavailable_on_error
from shopapp.sessions.payload import Payloads
from shopapp.sessions.plan import Plan
from shopapp.sessions.record import Header, Record, Sealer, SessionId
from shopapp.sessions.scripts import COMPARE_AND_SET, END, READ_AND_PUSH_OUT

WRITE_ATTEMPTS = 50
"""In each round of conflicting writers one wins, so this many can write one session at the same moment."""

MARKER_SECONDS = 60
"""Longer than a request is on its way; and how long a browser that lost the answer with the new cookie has to wait."""
MARKER = b""
"""What stands for a while in place of a session that another one took over from: see END."""


class SessionGoneError(Exception):
    """The session was ended, or its id rotated away, after this request loaded it. Nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the settings say about stored sessions. Times in seconds."""

    prefix: str
    payloads: Payloads
    rotation_grace: int
    rotation_late: int
    end_on_reuse: bool
    ttl: bool
    """Whether Redis removes sessions by itself."""
    push_out_on_read: bool


class SessionStore:
    """One request's view of the session it came with. See the module for what it promises.

    ``found`` tells how the lookup ended: None before it and for a new session; "live"; "dead" where Redis holds no such
    session; "idle", "absolute" or "reused" where it was found to be over; "late" where it got another id so short a
    while ago that this browser may have the new cookie by now; "refused" where it got another id before that; "rubbish"
    where what is there is not ours.
    ``session_id`` is the id that leads to what was loaded or stored: not the one asked for if that has been rotated.
    ``handle`` names the session that was asked for; ``has_ended`` tells whether this request has ended it, and
    ``ended`` lists what it has ended, by handle and person, until somebody tells of it. ``plan`` is what the next write
    shall change beside the payload.
    """

    def __init__(self, client: Client, sealer: Sealer, policy: Policy) -> None:
        self._client = client
        self._sealer = sealer
        self._policy = policy
        self._record: Record | None = None
        self.found: Literal["live", "dead", "idle", "absolute", "reused", "late", "refused", "rubbish"] | None = None
        self.handle = ""
        self.has_ended = False
        self.ended: list[tuple[str, int | str | None]] = []
        self.session_id: SessionId | None = None
        self.plan = Plan()

    @property
    def header(self) -> Header | None:
        """The header as it was last loaded or stored by this request."""
        return self._record.header if self._record else None

    @property
    def user_id(self) -> int | str | None:
        """Who logged in to the session that was last loaded or stored by this request."""
        return self.header.person.user_id if self.header and self.header.person else None

    @property
    def payload(self) -> bytes:
        """The payload as it was last loaded or stored by this request; empty if there is none."""
        return self._record.payload if self._record else b""

    def get(self, session_id: str) -> bytes | None:
        """Return the payload of a live session, else None. One round trip, and one more if this ends the session."""
        wanted = SessionId.parse(session_id)
        key, self.handle = self._key(wanted), wanted.handle
        value = self._read(key)
        if value is None:
            self.found = "dead"
            return None
        if value == MARKER:
            self.found = "late"
            return None
        record = self._sealer.open(key, value)
        if record is None:
            self.found = "rubbish"
            return None
        return self._enter(record, wanted)

    def setex(self, session_id: str, seconds: int, payload: bytes) -> None:
        """Store ``payload`` for ``seconds``: a new session if none was loaded, else a guarded change of the loaded one.

        Raises SessionGoneError if the loaded session has ended or been rotated away, SessionTooLargeError.
        """
        self._write(SessionId.parse(session_id), payload, seconds)

    def set(self, session_id: str, payload: bytes) -> None:
        """As :meth:`setex`, with no time to live (``redis.sessions.set_redis_ttl = false``)."""
        self._write(SessionId.parse(session_id), payload, None)

    def expire(self, session_id: str, seconds: int) -> None:
        """Push the session's end out to ``seconds`` from now, unless reading it has. What has ended stays ended."""
        if self._policy.push_out_on_read:
            return
        with unavailable_on_error(self._client):
            self._client.expire(self._key(SessionId.parse(session_id)), seconds)

    def delete(self, session_id: str) -> None:
        """End the session in one step, whatever other requests write to it, unless this id no longer leads to it."""
        self._end(SessionId.parse(session_id), marker_seconds=None)

    def supersede(self, session_id: str) -> None:
        """As :meth:`delete`, where a new session takes this one's place in the browser.

        A marker stays for a while, so that a request which is on its way with the old cookie is refused, but does not
        take the session for long dead and delete the cookie, which is the new one by now.
        """
        self._end(SessionId.parse(session_id), marker_seconds=MARKER_SECONDS)

    def end_idle(self) -> None:
        """End the session that was just loaded: its idle clock has run out before Redis removed it."""
        self.found = "idle"
        if self._record and self.session_id:
            self._end_found(self._record, self.session_id)

    def refuse(self) -> None:
        """Take the session that was just loaded for none of ours: its payload makes no sense."""
        self.found = "rubbish"
        self.forget()

    def forget(self) -> None:
        """Let the loaded session be: the next write makes a new one."""
        self._record = self.session_id = None
        self.plan = Plan()

    def _end(self, target: SessionId, marker_seconds: int | None) -> None:
        user_id = self.user_id
        with unavailable_on_error(self._client):
            end = self._client.register_script(END)
            self.has_ended = bool(end(keys=[self._key(target)], args=[target.secret_hash, marker_seconds or ""]))
        if self.has_ended:
            self.ended.append((target.handle, user_id))
        self.forget()

    def _key(self, session_id: SessionId) -> str:
        return self._policy.prefix + session_id.handle

    def _read(self, key: str) -> bytes | None:
        """Return what is under ``key``; what is no string was not put there by us, and is rubbish."""
        with unavailable_on_error(self._client):
            try:
                if self._policy.push_out_on_read:
                    return self._client.register_script(READ_AND_PUSH_OUT)(keys=[key])
                return self._client.get(key)
            except ResponseError as error:
                if "WRONGTYPE" in str(error):
                    return b"rubbish"
                raise

    def _enter(self, record: Record, wanted: SessionId) -> bytes | None:
        """Take ``record`` if its two clocks and the rotation's rules let ``wanted`` in; return its payload."""
        now, header = int(time.time()), record.header
        if header.ends and now >= header.ends:
            self.found = "absolute"
            self._end_found(record, wanted)
            return None
        entry = self._way_in(header, wanted, now)
        if entry is not None:
            self.found, self.session_id, self._record = "live", entry, record
            return record.payload
        retired_at = header.retired_at(wanted.secret_hash)
        if retired_at is not None and now > retired_at + self._policy.rotation_late and self._policy.end_on_reuse:
            self.found = "reused"
            self._end_found(record, wanted)
        else:
            self.found = "late" if now < header.issued + MARKER_SECONDS else "refused"
        return None

    def _way_in(self, header: Header, wanted: SessionId, now: int) -> SessionId | None:
        """Return the id that is valid now if ``wanted`` is it, or was until a moment ago; else None."""
        if header.secret_hash == wanted.secret_hash:
            return wanted
        retired_at = header.retired_at(wanted.secret_hash)
        if retired_at is None or now > retired_at + self._policy.rotation_grace:
            return None
        return self._sealer.find_successor(wanted, header)

    def _end_found(self, record: Record, wanted: SessionId) -> None:
        """End a session that was found to be over, unless it has begun anew since, by a login."""
        self._record = record  # for what is told about its end
        with unavailable_on_error(self._client):
            end = self._client.register_script(END)
            end(keys=[self._key(wanted)], args=[record.header.secret_hash, ""])

    def _write(self, target: SessionId, payload: bytes, seconds: int | None) -> None:
        self._policy.payloads.check_size(payload)
        if self.session_id is None or self._record is None:
            self._create(target, payload, seconds)
        else:
            self._change(self._record, self.session_id, payload, seconds)
        self.plan = Plan()

    def _create(self, target: SessionId, payload: bytes, seconds: int | None) -> None:
        now, key = int(time.time()), self._key(target)
        record = self._sealer.seal(key, self.plan.first_header(target, now), payload)
        with unavailable_on_error(self._client):
            created = self._client.set(key, record.encode(), ex=self._ttl(record.header, seconds, now), nx=True)
        if not created:
            # With 256 random bits in the key this is a broken id generator, not chance: never share a session.
            raise RuntimeError("the id generator made an id that exists already")
        self._record, self.session_id, self.found = record, target, "live"

    def _change(self, base: Record, entry: SessionId, payload: bytes, seconds: int | None) -> None:
        """Compare-and-set ``payload``, merging on conflict with what another request stored meanwhile."""
        key, known, mine = self._key(entry), base, payload
        for _ in range(WRITE_ATTEMPTS):
            now = int(time.time())
            record = self._sealer.seal(key, self.plan.next_header(known.header, now), mine)
            stored = self._swap(key, known, record, self._ttl(record.header, seconds, now))
            if stored is None:
                self._record = record
                self.session_id = self.plan.new_id.session_id if self.plan.new_id else entry
                return
            way_in = self._way_in(stored.header, entry, now)
            if way_in is None:
                raise SessionGoneError
            if way_in != entry and self.plan.new_id and self.plan.new_id.pepper:
                self.plan.new_id = None  # another request has done the periodic rotation
            known, entry, mine = stored, way_in, self._policy.payloads.merge(base.payload, stored.payload, payload)
        raise StoreUnavailable("too many requests write to this session at the same moment")

    def _ttl(self, header: Header, seconds: int | None, now: int) -> int | None:
        """Return the seconds to live in Redis: those of whichever clock ends first."""
        if not self._policy.ttl:
            return None
        clocks = [clock for clock in (seconds, header.ends and max(1, header.ends - now)) if clock]
        return min(clocks, default=None)

    def _swap(self, key: str, known: Record, new: Record, seconds: int | None) -> Record | None:
        """Put ``new`` in place of ``known`` and return None, or return the record that is there instead.

        Raises SessionGoneError if nothing of ours is there any more.
        """
        with unavailable_on_error(self._client):
            swap = self._client.register_script(COMPARE_AND_SET)
            reply = swap(keys=[key], args=[known.seal, new.encode(), "" if seconds is None else seconds])
        if reply == 1:
            return None
        stored = None if reply is None else self._sealer.open(key, reply)
        if stored is None:
            raise SessionGoneError
        return stored
