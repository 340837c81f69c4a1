"""One request's session from load to save: what is to be written, when, and what is told about it afterwards.

All use of pyramid_session_redis's inner state is here and in ``factory.py``, with the reason beside it.
"""

import time
from collections.abc import Callable
from secrets import token_urlsafe

from pyramid.request import Request
from pyramid.response import Response
from pyramid_session_redis.session import RedisSession, hashed_value

from shopapp.events import EndReason, SessionEnded, SessionRefused, SessionRotated, SessionStarted, SessionWriteDropped
from shopapp.sessions.clocks import IdleClock
from shopapp.sessions.plan import NewId, NewStart, Plan
from shopapp.sessions.record import Person, Sealer, SessionId
from shopapp.sessions.settings import SessionSettings
from shopapp.sessions.store import SessionGoneError, SessionStore

USER_KEY = "user"
"""The session's key for who is logged in: ``{"id", "email", "name"}``."""

CSRF_TOKEN_KEY = "_csrft_"  # noqa: S105 - the name of a key
"""The library's key for the token of Pyramid's CSRF check."""


class SessionKeeper:
    """Keeps a request's session: rotates, ends and saves it. Found through :func:`keeper_of`."""

    def __init__(
        self,
        request: Request,
        session: RedisSession,
        store: SessionStore,
        settings: SessionSettings,
        sealer: Sealer,
        generator: Callable[[], str],
        cookie_check: Callable[[Response], bool] | None,
    ) -> None:
        self._request = request
        self._session = session
        self._store = store
        self._settings = settings
        self._sealer = sealer
        self._generator = generator
        self._cookie_check = cookie_check
        self._clock = IdleClock(session, settings)
        self._events: list[object] = []
        self._end_reasons: dict[str, EndReason] = {}
        self._planned_for: object | None = None
        self._told: SessionId | None = None
        self._presented: str | None = None
        if not session.new:
            self._presented = session.session_id
            # A retired id that is still good leads to the valid one, which is what the cookie shall be.
            session._session_state.session_id = str(store.session_id)
        elif store.found in ("absolute", "idle", "reused"):
            self._events.append(SessionEnded(request, store.handle, store.found, store.user_id))
            store.forget()
        elif store.found == "live":
            store.refuse()  # the library could make nothing of its payload
        if store.found in ("dead", "late", "refused", "rubbish"):
            self._events.append(SessionRefused(request, store.handle, store.found))

    @property
    def session_id(self) -> SessionId:
        """The session's id, made now if it is new. Nothing is stored before :meth:`save`."""
        return SessionId.parse(self._session.ensure_id())

    @property
    def in_use(self) -> bool:
        """Whether there is a session, or one has just ended, rather than the empty one of a visitor who only looks."""
        return self._session._invalidated or not self._session.new or bool(self._session.managed_dict)

    @property
    def presented_handle(self) -> str:
        """The handle of the session that the request's cookie names; empty without a cookie that we signed."""
        return self._store.handle

    @property
    def was_replaced(self) -> bool:
        """Whether the request came with an id that was replaced a moment ago."""
        return self._store.found == "late"

    @property
    def user_id(self) -> int | str | None:
        """Who is logged in."""
        start = self._store.plan.new_start
        return start.person.user_id if start and start.person else self._store.user_id

    def sign_cookie_anew(self) -> None:
        """Have the cookie sent again: an older secret signed it."""
        self._clock.send_cookie()

    def note_refused_cookie(self, reason: str) -> None:
        """Have it told that the request's cookie was not even looked up: it is not signed by us, or there are two."""
        self._events.append(SessionRefused(self._request, "", reason))

    def begin_login(self, person: Person, *, keep: bool) -> None:
        """Give the session a new id and new clocks when it is saved. No earlier id leads to it."""
        settings = self._settings
        self._session.pop(CSRF_TOKEN_KEY, None)  # it may have been planted
        lifetime = settings.kept_absolute_timeout if keep else settings.absolute_timeout
        self._store.plan.new_start = NewStart(lifetime=lifetime, person=person)
        self._clock.set(settings.kept_timeout if keep else settings.timeout)
        self._plan_new_id("login")

    def rotate(self, reason: str) -> None:
        """Give the session a new id when it is saved; the old one dies in that very write.

        A session that is new in this request has an id that nobody can know yet, and keeps it. Of several rotations in
        one request the first counts, but for that of a login.
        """
        if self._store.plan.new_id is None:
            self._plan_new_id(reason)

    def _plan_new_id(self, reason: str) -> None:
        self._session.changed()
        self._planned_for = self._session._session_state
        if self._store.session_id is not None:
            new = SessionId.new(self._generator, self._store.session_id.series)
            self._store.plan.new_id = NewId(session_id=new, reason=reason)

    def end(self, reason: EndReason) -> None:
        """End the session in Redis now. What is put into ``request.session`` afterwards starts a new one.

        Raises StoreUnavailable if Redis cannot be reached: then nothing has ended.
        """
        self._end(reason, self._store.delete)

    def make_way(self) -> None:
        """End the session, as :meth:`end`, because another person logs in in its place."""
        self._end("superseded", self._store.supersede)

    def _end(self, reason: EndReason, end_stored: Callable[[str], None]) -> None:
        stored = self._store.session_id
        if stored is not None:
            self._end_reasons[stored.handle] = reason
            end_stored(str(stored))
        self._store.forget()
        # As the library's invalidate(), whose own deletion has just been done.
        self._session.__dict__.pop("_session_state", None)

    def save(self, response: Response | None = None) -> None:
        """Write what has changed, before the response leaves, then tell the events. One command, none if unchanged.

        The periodic rotation happens here too, where there is a ``response`` that may carry the new cookie. Raises
        StoreUnavailable if Redis cannot be reached, SessionTooLargeError.
        """
        if not self._session._invalidated and not self._session._session_state.dont_persist:
            if response is not None and self.may_carry_cookie(response):
                self._rotate_if_due()
            self._save()
        self._tell()
        self._told = self._store.session_id

    def abandon(self) -> None:
        """Forget this request's changes: it failed, so it must neither save them nor send a cookie for them.

        What :meth:`save` has stored and told before the failure is a fact, and keeps its cookie.
        """
        if not self._session._invalidated:
            state = self._session._session_state
            if self._told is None or self._told != self._store.session_id:
                if state.new:
                    state.managed_dict.clear()
                state.please_recookie = False
            self.close()
        self._events = [event for event in self._events if isinstance(event, SessionEnded | SessionRefused)]
        self._tell()

    def close(self) -> None:
        """End all saving. The finished callback of pyramid_session_redis would else write after the response has left,
        where no error view can answer for a failure.
        """
        if not self._session._invalidated:
            self._session._session_state.dont_persist = True
            self._session._session_state.dont_refresh = True

    def _save(self) -> None:
        session, state, store = self._session, self._session._session_state, self._store
        if self._planned_for not in (None, state):
            store.plan = Plan()  # it was for data that the app has thrown away by session.invalidate()
        if state.new and not state.managed_dict:
            return
        if store.found == "late" and store.plan.new_start is None:
            self._drop()
            return
        if not state.managed_dict and self._settings.invalidate_empty_session:
            self.end("empty")
            return
        if store.session_id is None and store.plan.new_start is None:
            store.plan.new_start = NewStart(lifetime=self._settings.absolute_timeout, person=None)
            if self._settings.anonymous_timeout:
                self._clock.set(self._settings.anonymous_timeout)
        is_pushed_out = self._clock.wind()
        payload = state.should_persist(session)
        # Its dict methods ask for a write even where they have changed nothing (pop_flash on an empty queue).
        if payload and (store.plan.new_id or hashed_value(payload) != state.persisted_hash):
            self._write(payload)
            if is_pushed_out and store.session_id:
                self._clock.send_cookie()
        elif state.please_refresh and self._clock.is_kept_by_redis_alone:
            # Its dict methods also ask for an EXPIRE on every read; due only where nothing else slides the expiry.
            session.do_refresh()
            self._clock.send_cookie()
        if not session._invalidated and store.session_id and str(store.session_id) != self._presented:
            self._clock.send_cookie()

    def _write(self, payload: bytes) -> None:
        session, state, store = self._session, self._session._session_state, self._store
        was_stored, rotation = store.session_id is not None, store.plan.new_id
        store.plan.idle = self._clock.seconds
        try:
            session.do_persist(payload)
        except SessionGoneError:
            if not (rotation and rotation.reason == "login"):
                self._drop()
                return
            # Another tab logged in or out meanwhile. The password was right, so this login stands, in a session of its
            # own: whichever of the two cookies the browser keeps, it is a valid one.
            start, was_stored = store.plan.new_start, False
            store.forget()
            store.plan.new_start, store.plan.idle = start, self._clock.seconds
            state.session_id = str(SessionId.new(self._generator))
            session.do_persist(payload)
        state.session_id = str(store.session_id)
        # A conflict was merged: what is stored may be more than what this request had.
        stored = session.deserialize(store.payload)
        state.managed_dict, state.expires = stored["m"], stored.get("x")
        state.persisted_hash = hashed_value(store.payload)
        handle = SessionId.parse(state.session_id).handle
        if not was_stored:
            self._events.append(SessionStarted(self._request, handle, self.user_id))
        elif rotation and store.session_id == rotation.session_id:
            self._events.append(SessionRotated(self._request, handle, rotation.reason, self.user_id))

    def _drop(self) -> None:
        """The session ended while this request was at work, or on its way: leave it ended, and leave the cookie alone.

        The cookie in the browser may by now be that of a newer login, so this response neither sets nor deletes one.
        """
        store, state = self._store, self._session._session_state
        state.please_recookie = False
        if state.new:
            state.managed_dict.clear()  # or the library would set a cookie for it
        self.close()
        self._events.append(SessionWriteDropped(self._request, store.handle, store.user_id))
        store.forget()

    def _rotate_if_due(self) -> None:
        """Rotate by the clock. The old id stays good for a moment, for the requests that are on their way with it."""
        store, header, interval = self._store, self._store.header, self._settings.rotation_interval
        if (
            not (interval and header and store.session_id)
            or store.plan.new_id
            or time.time() < header.issued + interval
        ):
            return
        pepper = token_urlsafe()
        self._session.changed()
        store.plan.new_id = NewId(
            session_id=self._sealer.successor(store.session_id, pepper), reason="periodic", pepper=pepper
        )

    def may_carry_cookie(self, response: Response) -> bool:
        """Whether the session cookie may be set on this response, as the library judges it."""
        if self._request.exception is not None and not self._settings.cookie_on_exception:
            return False
        return self._cookie_check is None or self._cookie_check(response)

    def _tell(self) -> None:
        """Tell what is true by now: first what has ended, also by the app's own ``session.invalidate()``."""
        ended, self._store.ended = self._store.ended, []
        reasons = self._end_reasons
        ends = [SessionEnded(self._request, handle, reasons.get(handle, "invalid"), user) for handle, user in ended]
        events, self._events = [*ends, *self._events], []
        for event in events:
            self._request.registry.notify(event)


def keeper_of(request: Request) -> SessionKeeper:
    """Return the keeper of the request's session, loading the session if that has not been done.

    Raises StoreUnavailable if Redis cannot be reached.
    """
    _ = request.session
    return request.session_keeper


def loaded_keeper(request: Request) -> SessionKeeper | None:
    """Return the keeper of the request's session if the request has looked at its session, else None."""
    return getattr(request, "session_keeper", None)
