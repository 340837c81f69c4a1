"""What of a request's session is in Redis, and how a change gets there. Knows no response and no cookie."""

from typing import TYPE_CHECKING, Any, cast

from pyramid.request import Request

from shopapp.events import (
    EndReason,
    LoginRepeated,
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
from shopapp.sessions.header import NO_CHANGE, Change, Header, Start
from shopapp.sessions.ids import Kind, SessionId, Standing, hashed
from shopapp.sessions.lookup import Lookup
from shopapp.sessions.mapping import SessionMapping
from shopapp.sessions.merge import merge, takes_messages_only
from shopapp.sessions.record import Record
from shopapp.sessions.retrying import SessionConflictError, let_others_pass, may_run_again
from shopapp.sessions.store import GOOD, MARKER_SECONDS, SessionGoneError, SessionStore, Stored, ValueConflictError

if TYPE_CHECKING:
    from shopapp.sessions.factory import Parts


STORED_ID = "shopapp.sessions.stored_id"
"""Where in the WSGI environment the id is that this request has stored and its browser has not got yet."""


def _marks(start: Start | Header) -> tuple[str, ...]:
    return start.person.marks if start.person else ()


def kind_of(reason: str) -> Kind | None:
    """Return which kind of cut a rotation with this reason is; None for no reason."""
    if reason in ("login", "password"):
        return cast("Kind", reason)
    return "rotate" if reason else None


class StoredSession(SessionMapping):
    """The data of a session, the version of it that is known to be stored, and what the next write shall change."""

    _touched = False
    _record: Record | None = None
    _id: SessionId | None = None
    """Of the stored session: the valid one."""
    _series = ""
    _salt = ""
    """Of the id: what is reserved for a session that is not stored yet."""
    _shown: SessionId | None = None
    """The id that the browser has got with the last rotation, and shows for the first time."""
    _login: Start | None = None
    _cut_reason = ""
    """Why the next write cuts off all earlier ids; empty if it does not."""
    _idle: int | None = None
    _expires: int | None = None
    _mark: str | None = None
    """Another mark of the account's record, which this request has changed itself."""
    _has_written = False
    """Something is stored already that a second run of the request would do again."""
    _keeps_cookie = False
    """The cookie goes out even if the request fails after all."""
    _resends_cookie = False
    _clock_moved = False
    """The idle timeout was pushed out or is another one: a cookie that slides with it goes out again."""
    _owes_write = False
    """Something is to be written though the data may not have changed."""
    _is_of_form = False
    """The series is that of a sign-in form."""
    _was_dropped = False
    _is_closed = False
    """Nothing is written any more."""

    def __init__(self, request: Request, parts: "Parts", lookup: Lookup, data: dict[str, Any]) -> None:
        # Not the library's own, which would load the session by its own rules: see mapping.py.
        self._request, self._parts, self._lookup = request, parts, lookup
        self._data = data
        self._detects_changes = parts.policy.detects_changes
        self._has_ended = lookup.has_ended
        self._drops_writes = lookup.outcome == "late"
        self._events: list[object] = []
        if lookup.outcome == "live" and lookup.record and lookup.presented:
            self._take(lookup.record, lookup.presented, lookup.standing)

    def _store(self) -> SessionStore:
        return self._parts.store_of(self._request)

    @property
    def handle(self) -> str:
        """The name of the session: it lives as long as that, through every rotation, and is no secret."""
        return self._id.handle if self._id else hashed(self._future_series())

    @property
    def started(self) -> int:
        """When it, or the login in it, began, in seconds since 1970."""
        return self._record.header.started if self._record else now()

    @property
    def user_id(self) -> int | str | None:
        """Who is signed in."""
        start = self._login or (self._record.header if self._record else None)
        return start.person.user_id if start and start.person else None

    @property
    def seconds_left(self) -> int | None:
        """How long it lives without use from now on; None is for ever."""
        if self._record:
            return self._record.header.seconds_left(now())
        start = self._login or self._parts.policy.visit()
        return min((seconds for seconds in (start.idle, start.lifetime) if seconds), default=None)

    def is_stored_for(self, user_id: int | str) -> bool:
        """Whether it is this person's, and in Redis."""
        return self._record is not None and self._record.header.is_of(user_id)

    def _take(self, record: Record, session_id: SessionId, standing: Standing) -> None:
        self._record, self._series = record, session_id.series
        self._shown = session_id if standing in (Standing.NEXT, Standing.AHEAD) else None
        if standing in GOOD:
            self._id = session_id
        else:
            self._id = self._parts.ids.issue(session_id.series, record.header.salt, record.header.generation)
        policy = self._parts.policy
        is_due = policy.push_is_due(record.header, now()) or not (policy.knows_expiry and record.is_sealed_anew)
        self._owes_write = is_due or self._shown is not None or (policy.ends_empty and not self._data)

    def _future_series(self) -> str:
        self._series = self._series or self._parts.generator()
        return self._series

    def _future_salt(self) -> str:
        self._salt = self._salt or self._parts.generator()
        return self._salt

    def _forget(self) -> None:
        """Let the stored session be: what is put in from now on starts another one."""
        self._record = self._id = self._shown = self._login = self._idle = self._expires = self._mark = None
        self._series = self._salt = self._cut_reason = ""
        self._drops_writes = False

    def _join(self, record: Record, series: str) -> None:
        """Go on with a session of the person who signs in here that another answer, or a lost one, has the cookie of.

        A moment after that sign-in it is the same one again, and gets the same cookie: whichever answer the browser
        keeps is good. Later it is a new one in that session, and cuts off the earlier cookies.
        """
        mine, login = self._data, self._login
        known = self._record if self._series == series else None
        base = self._parts.codec.deserialize(known.payload) if known else {}
        self._forget()
        self._take(
            record, self._parts.ids.issue(series, record.header.salt, record.header.generation), Standing.CURRENT
        )
        self._data, _ = merge(base, self._parts.codec.deserialize(record.payload), mine)
        self._touched = True
        is_the_same = login is not None and login.idle == record.header.idle and _marks(login) == _marks(record.header)
        if is_the_same and now() < record.header.started + MARKER_SECONDS:
            self._events.append(LoginRepeated(self._request, self.handle, self.user_id))
            self._resends_cookie = True
        else:
            self._login, self._cut_reason, self._owes_write = login, "login", True

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
