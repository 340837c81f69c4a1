"""How a change to a request's session gets into Redis, or why it does not. Knows no response and no cookie."""

from typing import cast

from shopapp.events import (
    EndReason,
    SessionConflict,
    SessionEnded,
    SessionExtended,
    SessionMerged,
    SessionRotated,
    SessionStarted,
    SessionWriteDeferred,
    SessionWriteDropped,
)
from shopapp.redis import StoreUnavailable
from shopapp.sessions.clock import now
from shopapp.sessions.header import NO_CHANGE, Change
from shopapp.sessions.ids import Kind, SessionId, Standing
from shopapp.sessions.merge import takes_messages_only
from shopapp.sessions.record import Record
from shopapp.sessions.retrying import SessionConflictError, let_others_pass, may_run_again
from shopapp.sessions.store import SessionGoneError, Stored, ValueConflictError
from shopapp.sessions.stored import StoredSession

STORED_ID = "shopapp.sessions.stored_id"
"""Where in the WSGI environment the id is that this request has stored and its browser has not got yet."""


def kind_of(reason: str) -> Kind | None:
    """Return which kind of cut a rotation with this reason is; None for no reason."""
    if reason in ("login", "password"):
        return cast("Kind", reason)
    return "rotate" if reason else None


class WritableSession(StoredSession):
    """A stored session that writes what has changed, goes on in another if it has to, and can end."""

    def _write(self) -> None:
        """Store what has changed, in one command; nothing is sent if nothing has."""
        if self._is_closed:
            return
        if self._record is None or self._id is None:
            if self._data:
                self._begin()
            return
        if not (self._touched or self._owes_write):
            return
        if not self._data and self._parts.policy.ends_empty:
            self.end("empty")
            return
        payload, change = self._changed_payload(self._record), self._change(self._record)
        if payload is not None or change != NO_CHANGE:
            self._replace(self._record, self._id, change, payload)
        else:
            self._extend(self._record)

    def _begin(self) -> None:
        if self._drops_writes and self._login is None:
            self._drop()
            return
        parts, start = self._parts, self._login or self._parts.policy.visit()
        series, payload = self._future_series(), parts.codec.encode(self._data)
        parts.codec.admit(self._data, payload)
        clocks = Change(idle=self._idle, expires=self._expires, mark=self._mark)
        try:
            record = self._store().create(series, self._future_salt(), start, clocks, payload, now())
        except SessionGoneError as found:
            person = start.person
            if not (found.record and person and found.record.header.is_of(person.user_id)):
                if self._is_of_form:
                    self._series, self._is_of_form = "", False  # taken: by a marker, or by rubbish
                    self._begin()
                    return
                # With 256 random bits in the key this is a broken id generator, not chance: never share a session.
                raise RuntimeError("the id generator made an id that exists already") from None
            self._join(found.record, series)
            self._write()
            return
        self._has_stored(Stored(record), parts.ids.issue(series, record.header.salt, 0), payload)
        self._events.append(SessionStarted(self._request, self.handle, self.user_id))

    def _changed_payload(self, known: Record) -> bytes | None:
        if not self._touched:
            return None
        payload = self._parts.codec.encode(self._data)
        if payload == known.payload:
            self._touched = False
            return None
        self._parts.codec.admit(self._data, payload)
        return payload

    def _change(self, known: Record) -> Change:
        header, policy = known.header, self._parts.policy
        # What an older secret has sealed is sealed anew by the next write; where no push of the clock is one, now.
        owes_seal = not known.is_sealed_anew and not (policy.knows_expiry and header.idle)
        push = owes_seal or policy.push_is_due(header, now())
        asked_for = (self._idle, self._expires, self._mark) != (None, None, None)
        if not (push or self._cut_reason or self._shown or asked_for):
            return NO_CHANGE
        return Change(
            start=self._login,
            cut=kind_of(self._cut_reason),
            shown=self._shown,
            push=push,
            idle=self._idle,
            expires=self._expires,
            mark=self._mark,
        )

    def _replace(self, known: Record, session_id: SessionId, change: Change, payload: bytes | None) -> None:
        data = known.payload if payload is None else payload
        can_be_refused = self._parts.policy.refuses_conflicts or may_run_again(self._request)
        can_be_refused = can_be_refused and not self._has_written
        is_listed = self.user_id is None or known.header.is_of(self.user_id)
        try:
            stored = self._store().replace(
                session_id.series,
                session_id,
                known,
                change,
                data,
                now(),
                retry=can_be_refused,
            )
        except ValueConflictError as error:
            let_others_pass(self._request)
            raise SessionConflictError(
                "Somebody else has changed the same thing just now. Please try again."
            ) from error
        except SessionGoneError as gone:
            self._go_on_without(gone.record, session_id.series)
            return
        except StoreUnavailable:
            if not change.cut and self._can_wait(known, change, payload):
                self._is_closed = True
                self._events.append(SessionWriteDeferred(self._request, self.handle, self.user_id))
                return
            if change.cut and is_listed:
                # It may be done or not: the browser gets the id that is good either way. But not that of a login which
                # the person's list does not know of yet.
                ids, salt = self._parts.ids, known.header.salt
                ahead = ids.salt_ahead(self._shown, salt) if self._shown else None
                self._id = ids.issue(session_id.series, ids.next_salt(ahead or salt, change.cut), 0)
                self._keeps_cookie = ahead is None  # two steps ahead is too far: the browser keeps what it has
            raise
        self._keeps_cookie = self._keeps_cookie or bool(change.cut and is_listed)
        has_other_clocks = change.push or change.start or change.idle is not None or change.expires is not None
        reason = self._cut_reason or ("periodic" if stored.record.header.generation > known.header.generation else "")
        self._clock_moved = self._clock_moved or change.push
        self._has_stored(stored, session_id, data)
        if reason == "periodic" and not change.shown:
            reason = ""  # another request has told of it
        if reason:
            self._events.append(SessionRotated(self._request, self.handle, reason, self.user_id))
        if has_other_clocks:
            self._tell_extended()
        if stored.places:
            self._events.append(SessionConflict(self._request, self.handle, tuple(stored.places), self.user_id))
        elif stored.is_merged:
            self._events.append(SessionMerged(self._request, self.handle, self.user_id))

    def _has_stored(self, stored: Stored, session_id: SessionId, data: bytes) -> None:
        record, ids = stored.record, self._parts.ids
        if record.payload != data:
            self._data = self._parts.codec.deserialize(record.payload)  # merged with what others have stored
        if ids.standing(session_id, record.header) is Standing.CURRENT:
            self._id = session_id
        else:
            self._id = ids.issue(session_id.series, record.header.salt, record.header.generation)
        self._record, self._touched, self._has_written = record, False, True
        if self._id != self._lookup.presented:
            # For pyramid_retry: if the commit fails, the request runs again with the cookie from before.
            self._request.environ[STORED_ID] = self._id
        self._shown = self._login = self._idle = self._expires = self._mark = None
        self._cut_reason, self._owes_write = "", False

    def _go_on_without(self, found: Record | None, series: str) -> None:
        """The session ended, or its id was cut off, while this request was at work."""
        login = self._login
        if login is None or login.person is None:
            self._drop()
            return
        # Another tab logged in or out meanwhile. The password was right, so this login stands: in the session that the
        # same person has begun there, or in one of its own.
        if found and found.header.is_of(login.person.user_id) and not found.header.is_over(now()):
            self._join(found, series)
        else:
            self._forget()
            self._login = login
        self._write()

    def _can_wait(self, known: Record, change: Change, payload: bytes | None) -> bool:
        """Whether the next request can as well store this: the clock, a rotation, messages that were shown."""
        if change.idle is not None or change.expires is not None or change.mark is not None:
            return False
        return payload is None or takes_messages_only(self._parts.codec.deserialize(known.payload), self._data)

    def _extend(self, known: Record) -> None:
        """Where Redis alone keeps the idle clock, every use of the session pushes its end out."""
        policy, seconds = self._parts.policy, known.header.seconds_left(now())
        self._owes_write = False
        if policy.knows_expiry or not known.header.idle or seconds is None:
            return
        if policy.sets_ttl and not policy.pushes_on_read:
            self._store().extend(self.handle, seconds)
        self._clock_moved = True
        self._tell_extended()

    def _tell_extended(self) -> None:
        event = SessionExtended(self._request, self.handle, self.seconds_left, self.user_id)
        self._events.append(event)

    def _drop(self) -> None:
        """Leave ended what has ended, and the cookie alone: that in the browser may by now be that of a newer login."""
        self._events.append(SessionWriteDropped(self._request, self._lookup.handle, self._lookup.user_id))
        self._forget()
        self._data, self._touched, self._is_closed, self._was_dropped = {}, False, True, True

    def end(self, reason: EndReason, *, marker: bool = False) -> None:
        """End the session in Redis now. What is put into it afterwards starts a new one.

        ``marker``: a session of another person takes its place. Raises StoreUnavailable if Redis cannot be reached:
        then it may have ended or not.
        """
        if self._record and self._id and self._store().end(self._id.handle, self._record, marker=marker):
            self._has_ended = True
            user_id = self._record.header.person.user_id if self._record.header.person else None
            self._events.append(SessionEnded(self._request, self._id.handle, reason, user_id))
        self._forget()
        self._data, self._touched = {}, False
