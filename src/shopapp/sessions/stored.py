"""What of a request's session is in Redis, and what of it shall change. Knows no response and no cookie."""

from typing import TYPE_CHECKING, Any

from pyramid.request import Request

from shopapp.events import LoginRepeated
from shopapp.sessions.clock import now
from shopapp.sessions.header import Header, Start
from shopapp.sessions.ids import SessionId, Standing, hashed
from shopapp.sessions.lookup import Lookup
from shopapp.sessions.mapping import SessionMapping
from shopapp.sessions.merge import merge
from shopapp.sessions.record import Record
from shopapp.sessions.store import GOOD, MARKER_SECONDS, SessionStore

if TYPE_CHECKING:
    from shopapp.sessions.factory import Parts


def _marks(start: Start | Header) -> tuple[str, ...]:
    return start.person.marks if start.person else ()


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
