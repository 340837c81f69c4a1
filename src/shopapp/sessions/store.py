"""Sessions in Redis: found in one command, created in one, replaced or ended by compare-and-set. Knows no request.

No write goes through that was not made against the stored version, and none brings back a session that has ended. Each
can be sent twice: the seal of a version tells whether it is the one that was to be stored.
"""

from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from redis import RedisCluster
from redis.exceptions import ResponseError

from shopapp.redis import Client, Script, StoreUnavailable, sent, unavailable_on_error
from shopapp.sessions.along import Along
from shopapp.sessions.data import Codec
from shopapp.sessions.header import Change, Header, Start
from shopapp.sessions.ids import IdIssuer, SessionId, Standing
from shopapp.sessions.lookup import Lookup, Outcome
from shopapp.sessions.merge import merge
from shopapp.sessions.policy import Policy
from shopapp.sessions.record import Record, Sealer
from shopapp.sessions.scripts import COMPARE_AND_SET, END, READ_AND_PUSH_OUT

WRITE_ATTEMPTS = 200
"""In each round of conflicting writers one wins, by chance: of eight that write on and on, one loses 50 rounds in a row
about once in a thousand writes, and 200 never.
"""

MARKER_SECONDS = 60
"""Longer than a request is on its way; and how long a browser that lost the answer with the new cookie has to wait."""
GOOD = (Standing.CURRENT, Standing.NEXT, Standing.AHEAD)
"""Ids that open the session, and that the browser is to keep."""

MARKER = b""
"""What stands for a while in place of a session that another one took over from: see END."""


class SessionGoneError(Exception):
    """The session was ended, or its id cut off, after this request loaded it. Nothing was written.

    ``record`` is what is there instead; None if nothing of ours is.
    """

    def __init__(self, record: Record | None = None) -> None:
        super().__init__("the session is gone")
        self.record = record


class ValueConflictError(Exception):
    """Another request has changed the same ``places`` of the data, be it to the same. Nothing was written."""

    def __init__(self, places: list[str]) -> None:
        super().__init__(", ".join(places))
        self.places = places


@dataclass(frozen=True, slots=True)
class Stored:
    """What a write has stored, the ``places`` where it won over another request's value, and whether what is stored has
    another request's changes too.
    """

    record: Record
    places: list[str] = field(default_factory=list)
    is_merged: bool = False


class SessionStore:
    """All sessions. Each method raises StoreUnavailable if Redis cannot be reached; a write may be done then or not."""

    def __init__(self, client: Client, sealer: Sealer, ids: IdIssuer, policy: Policy, codec: Codec) -> None:
        self._client, self._sealer, self._ids, self._policy, self._codec = client, sealer, ids, policy, codec
        self._compare_and_set = Script(client, COMPARE_AND_SET)
        self._end = Script(client, END)
        push_out = Script(client, READ_AND_PUSH_OUT)
        self._get = push_out if policy.pushes_on_read else client.get
        # The same as words, for a pipeline: on a cluster redis-py's has no evalsha().
        self._get_words = ("EVALSHA", push_out.digest, 1) if policy.pushes_on_read else ("GET",)

    def find(self, wanted: SessionId, now: int, along: Along | None = None) -> Lookup:
        """Return what ``wanted`` leads to. One round trip, and one more if this ends a session that is over."""
        handle = wanted.handle
        key = self._policy.prefix + handle
        value = self._read(key) if along is None else self._read_along(key, along)
        if value is None:
            return Lookup("dead", wanted)
        if value == MARKER:
            return Lookup("late", wanted)
        record = self._sealer.open(key, value)
        if record is None:
            return Lookup("rubbish", wanted)
        header, policy = record.header, self._policy
        standing = self._ids.standing(wanted, header)
        if header.is_over(now):
            return self._over("absolute" if header.is_at_its_end(now) else "idle", wanted, record)
        if standing in GOOD:
            return Lookup("live", wanted, record, standing)
        if standing is Standing.RETIRED:
            was_before_this = wanted.generation == header.generation - 1
            if was_before_this and now <= header.issued + policy.rotation_grace:
                return Lookup("live", wanted, record, standing)
            is_recent = was_before_this and now <= header.issued + policy.rotation_late
            if policy.ends_on_reuse and not is_recent:
                return self._over("reused", wanted, record)
        return Lookup("late" if now < header.issued + MARKER_SECONDS else "refused", wanted, record, standing)

    def create(self, series: str, salt: str, start: Start, change: Change, payload: bytes, now: int) -> Record:
        """Store a new session. Raises SessionGoneError, with what is there, if there is one of this series already."""
        session_id = self._ids.issue(series, salt, 0)
        key = self._policy.prefix + session_id.handle
        clocks = msgspec.structs.replace(change, push=True)
        header = Header.first(salt, session_id, start, now)
        header = header.changed(clocks, now, knows_expiry=self._policy.knows_expiry)
        record = self._sealer.seal(key, header, payload)
        seconds = self._seconds(header, now)
        created, _ = sent(self._client, lambda: self._client.set(key, record.value, ex=seconds, nx=True))
        if created:
            return record
        value = self._read(key)
        if value == record.value:
            return record  # by the first of two tries, whose answer was lost
        raise SessionGoneError(self._sealer.open(key, value) if value else None)

    def replace(
        self, series: str, presented: SessionId, known: Record, change: Change, data: bytes, now: int, *, retry: bool
    ) -> Stored:
        """Store a change of the ``known`` version, merged with what others have stored meanwhile.

        Raises SessionGoneError if ``presented`` no longer leads to the session, and ValueConflictError where others
        have changed the same values, if the caller can ``retry``.
        """
        key = self._policy.prefix + presented.handle
        stored, payload = known, data
        places: list[str] = []
        for _ in range(WRITE_ATTEMPTS):
            header = self._next_header(series, stored.header, change, now)
            record = self._sealer.seal(key, header, payload)
            seconds = self._seconds(header, now)
            args = [stored.seal, record.value, "" if seconds is None else seconds]
            reply, was_sent_twice = sent(self._client, self._compare_and_set, key, *args)
            if reply == 1 or reply == record.value:
                return Stored(record, places, is_merged=payload != data != known.payload)
            found = self._sealer.open(key, reply) if reply else None
            if found is None or self._ids.standing(presented, found.header) is Standing.CUT_OFF:
                raise SessionGoneError(found)
            if was_sent_twice and found.header.after == header.nonce:
                return Stored(found, places)  # it was done the first time, and somebody has written since
            payload, places = self._merged(known, found, data)
            if places and retry:
                raise ValueConflictError(places)
            stored = found
        raise StoreUnavailable("too many requests write to this session at the same moment")

    def end(self, handle: str, record: Record, *, marker: bool = False) -> bool:
        """End the session in one step, whatever others write to it; False if it is over, or another login's by now.

        With a ``marker`` a new session takes its place in the browser: for a while a request that is on its way with
        the old cookie is refused, but does not take the session for long dead.
        """
        args = [record.header.beginning, MARKER_SECONDS if marker else ""]
        ended, was_sent_twice = sent(self._client, self._end, self._policy.prefix + handle, *args)
        return bool(ended) or was_sent_twice

    def revoke(self, lookup: Lookup) -> Lookup:
        """End the live session that was found, since the account's own record does not let it go on."""
        assert lookup.presented is not None  # noqa: S101 - for the type checker
        assert lookup.record is not None  # noqa: S101
        return self._over("revoked", lookup.presented, lookup.record)

    def extend(self, handle: str, seconds: int) -> None:
        """Push the session's end out to ``seconds`` from now. What has ended stays ended."""
        with unavailable_on_error(self._client):
            self._client.expire(self._policy.prefix + handle, seconds)

    def _next_header(self, series: str, header: Header, change: Change, now: int) -> Header:
        changed = header.changed(change, now, knows_expiry=self._policy.knows_expiry)
        ahead = self._ids.salt_ahead(change.shown, header.salt) if change.shown else None
        if ahead and change.shown:
            changed = changed.with_id(ahead, change.shown, now)
        if change.cut:
            salt = self._ids.next_salt(changed.salt, change.cut)
            cut = changed.with_id(salt, self._ids.issue(series, salt, 0), now)
            return msgspec.structs.replace(cut, root="") if change.start else cut
        if change.shown and self._ids.standing(change.shown, header) is Standing.NEXT:
            return changed.with_id(header.salt, change.shown, now)
        return changed

    def _merged(self, base: Record, theirs: Record, mine: bytes) -> tuple[bytes, list[str]]:
        """Return the payload that has the changes of both, and where both changed the same value."""
        if base.payload == mine:
            return theirs.payload, []
        was, stored, wanted = (self._codec.deserialize(payload) for payload in (base.payload, theirs.payload, mine))
        merged, places = merge(was, stored, wanted)
        payload = self._codec.encode(merged)
        self._codec.admit(merged, payload)
        return payload, places

    def _seconds(self, header: Header, now: int) -> int | None:
        return header.seconds_left(now) if self._policy.sets_ttl else None

    def _over(self, outcome: Outcome, wanted: SessionId, record: Record) -> Lookup:
        return Lookup(outcome, wanted, record, has_ended=self.end(wanted.handle, record))

    def _read(self, key: str) -> bytes | None:
        """Return what is under ``key``; what is no string was not put there by us, and is rubbish."""
        try:
            found, _ = sent(self._client, self._get, key)
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            return b"rubbish"
        return cast("bytes | None", found)

    def _read_along(self, key: str, along: Along) -> bytes | None:
        """As :meth:`_read`, with a command of the app's in the same round trip."""
        try:
            (found, along.answer), _ = sent(self._client, self._both, key, along.command)
        except StoreUnavailable:
            if not isinstance(self._client, RedisCluster):
                raise
            return self._read(key)  # it may be on another node than the one that is away
        if isinstance(found, ResponseError):
            return self._read(key)  # what is no string; or a server that does not know the script yet
        return cast("bytes | None", found)

    def _both(self, key: str, command: tuple[str, ...]) -> list[Any]:
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.execute_command(*self._get_words, key)
            pipeline.execute_command(*command)
            answers = pipeline.execute(raise_on_error=False)
        if isinstance(answers[0], Exception) and not isinstance(answers[0], ResponseError):
            raise answers[0]
        return answers
