"""``request.session``: what an app, the subscribers and the tween ask of it, and the cookie that the answer carries."""

import logging
from typing import TYPE_CHECKING, Any, Literal

from pyramid.request import Request
from pyramid.response import Response

from shopapp.events import SessionEnded, SessionRefused
from shopapp.sessions.clock import now
from shopapp.sessions.header import Person
from shopapp.sessions.ids import SessionId, Standing
from shopapp.sessions.library import LibrarySession
from shopapp.sessions.lookup import Lookup

if TYPE_CHECKING:
    from shopapp.sessions.factory import Parts

USER_KEY = "user"
"""The session's key for who is logged in: ``{"id", "email", "name"}``."""

CSRF_TOKEN_KEY = "_csrft_"  # noqa: S105 - the name of a key
"""The library's key for the token of Pyramid's CSRF check."""

RESPONSE = "_shopapp_sessions_response"
"""Where in a request's attributes the response is, once there is one."""

SAVE_ROUNDS = 5
"""So often what subscribers put in while a save is told is saved in turn. One that never stops is a fault."""

log = logging.getLogger(__name__)


class Session(LibrarySession):
    """A request's session. It is a dict, and has Pyramid's ISession and what pyramid_session_redis adds to that."""

    _is_saved = False
    _carries_cookie: bool | None = None
    """Whether the app lets the response carry the cookie; None until it has been asked."""
    _response: Response | None = None

    def __init__(self, request: Request, parts: "Parts", lookup: Lookup, data: dict[str, Any]) -> None:
        super().__init__(request, parts, lookup, data)
        if lookup.has_ended:
            self._events.append(SessionEnded(request, lookup.handle, lookup.outcome, lookup.user_id))  # type: ignore[arg-type]
        elif lookup.outcome in ("dead", "late", "refused", "rubbish", "signature", "doubled"):
            self._events.append(SessionRefused(request, lookup.handle, lookup.outcome))

    # What happens to it

    def begin_login(self, person: Person, *, keep: bool, form: str = "") -> None:
        """Give the session a new id and new clocks when it is saved. No earlier id leads to it.

        ``form`` names the sign-in form that was sent: sent again, it leads to the session that the first one made.
        """
        self.pop(CSRF_TOKEN_KEY)  # it may have been planted
        self._login, self._cut_reason = self._parts.policy.login(person, keep=keep), "login"
        self._owes_write = True
        lookup, found = self._lookup, self._lookup.record
        if self._record is None and lookup.presented and found and found.header.is_of(person.user_id):
            if self.was_cut_off:
                self._join(found, lookup.presented.series)
            elif self._may_be_stolen() and self._store().end(lookup.handle, found):
                self._events.append(SessionEnded(self._request, lookup.handle, "reused", person.user_id))
        if self._record is None and form:
            self._series, self._is_of_form = self._parts.ids.series_of_form(form, person.user_id), True

    def _may_be_stolen(self) -> bool:
        """Whether the request's id is a retired one that opens nothing any more. If its owner has to sign in for that,
        whoever has shown the newer ids is somebody else.
        """
        is_retired = self._lookup.standing is Standing.RETIRED
        return self._parts.policy.ends_on_reuse and is_retired and self._lookup.outcome in ("late", "refused")

    def rotate(self, reason: str) -> None:
        """Give the session a new id when it is saved; the old one dies in that very write.

        A session that is new in this request has an id that nobody can know yet, and keeps it. Of several rotations in
        one request the first counts, but for that of a login.
        """
        if self._record is not None:
            self._cut_reason, self._owes_write = self._cut_reason or reason, True

    def keep_valid(self, mark: str) -> None:
        """Have the session go on although this request gives the account's own record another mark.

        It has to be stored before the record is: ``save`` does that before the database commits.
        """
        if self.user_id is not None:
            self._mark, self._owes_write = mark, True

    def invalidate(self) -> None:
        """End the session; what is put into it afterwards starts a new one. Raises StoreUnavailable."""
        self.end("invalid")

    def save(self, response: Response | None = None) -> bool:
        """Write what has changed and tell the events that have become true; and again, for what their subscribers put
        into the session. Return False if the session has ended meanwhile, so that nothing was written.

        With the ``response``, whether it may carry the cookie is judged now, before others add headers to it. Raises
        StoreUnavailable, SessionTooLargeError, SessionConflictError, TypeError.
        """
        self._is_saved = True
        if response is not None and self._carries_cookie is None:
            self._carries_cookie = self._parts.cookie.may_be_on(response)
        for _ in range(SAVE_ROUNDS):
            known = self._record
            self._write()
            is_settled = not self._tell()
            self._keeps_cookie = self._keeps_cookie or self._record is not known
            if is_settled:
                # Whoever saves early may go on to change what was handed out to them before.
                self._touched = self._touched or (response is None and self._detects_changes and not self._is_closed)
                return not self._was_dropped
        self._write()
        log.error("session_never_settles handle=%s", self.handle)
        return not self._was_dropped

    def abandon(self) -> None:
        """Forget this request's changes: it failed, so it must neither save them nor send a cookie for them.

        What :meth:`save` has stored and told before the failure is a fact, and keeps its cookie.
        """
        self._is_saved = self._is_closed = True
        self._events = [event for event in self._events if isinstance(event, SessionEnded | SessionRefused)]
        self._tell()

    def _tell(self) -> bool:
        if not self._events:
            return False
        events, self._events = self._events, []
        for event in events:
            self._request.registry.notify(event)
        return True

    # What is known of it

    @property
    def lookup(self) -> Lookup:
        """How the search for it ended."""
        return self._lookup

    @property
    def was_replaced(self) -> bool:
        """Whether the request came with an id that was replaced a moment ago."""
        return self._lookup.outcome == "late"

    @property
    def was_cut_off(self) -> bool:
        """Whether the request came with an id from before a login or password change, and the session lives."""
        return (
            self._lookup.record is not None
            and self._lookup.outcome in ("late", "refused")
            and (self._lookup.standing is Standing.CUT_OFF)
        )

    @property
    def in_use(self) -> bool:
        """Whether there is a session, or one has just ended, rather than the empty one of a visitor who only looks."""
        return self._lookup.record is not None or self._has_ended or bool(self._data)

    # The answer

    def on_response(self, _request: Request, response: Response) -> None:
        """Response callback: put the cookie on it."""
        self._response = response
        self._put_cookie(response)

    def on_finished(self, _request: Request) -> None:
        """Finished callback: save what later callbacks and subscribers of NewResponse have put in, as the library does.

        Here nothing can answer for a failure but the server, so this raises what :meth:`save` raises.
        """
        if self._is_saved and (self._is_closed or not (self._touched or self._owes_write or self._events)):
            return
        response = self._response or self._request.__dict__.get(RESPONSE)
        self._has_written = True  # what the request did to the database is committed, so it must not run again
        self.save(response)
        if response is not None:
            self._put_cookie(response)

    def _put_cookie(self, response: Response) -> None:
        cookie = self._parts.cookie
        if self._carries_cookie is None:
            self._carries_cookie = cookie.may_be_on(response)
        if not self._carries_cookie:
            return
        may_be_set = cookie.is_on_errors or self._request.exception is None
        if self._record is not None and self._id is not None and may_be_set:
            wanted = self._id if self._is_closed else self._id_to_show()
            if self._is_closed and not self._keeps_cookie:
                return
            is_due = self._resends_cookie or (self._clock_moved and cookie.slides)
            if is_due or wanted != self._lookup.presented:
                cookie.put(response, wanted, self._max_age(), self._cookie_options)
        elif self._has_ended:
            cookie.delete(response)

    def _id_to_show(self) -> SessionId:
        """Return the valid id; or the one that follows, for as long as a rotation is due and this one not shown yet."""
        assert self._record is not None  # noqa: S101 - for the type checker
        assert self._id is not None  # noqa: S101
        header = self._record.header
        if not self._parts.policy.rotation_is_due(header, now()):
            return self._id
        return self._parts.ids.issue(self._id.series, header.salt, header.generation + 1)

    def _max_age(self) -> int | None:
        fixed: int | Literal["timeout"] | None = self._parts.cookie.max_age
        if fixed != "timeout":
            return fixed
        header = self._record.header if self._record else None
        if header is None or header.idle:
            return header.idle if header else None
        return max(1, header.expires - now()) if header.expires else None
