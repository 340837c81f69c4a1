"""One request's session from load to save: what is to be written, when, and what is told about it afterwards.

All use of pyramid_session_redis's inner state is here and in ``factory.py``, with the reason beside it.
"""

from collections.abc import Callable

from pyramid.request import Request
from pyramid_session_redis.session import RedisSession, hashed_value

from shopapp.events import EndReason, SessionEnded, SessionRotated, SessionStarted, SessionWriteDropped
from shopapp.sessions.record import SessionId
from shopapp.sessions.store import SessionGoneError, SessionStore

USER_KEY = "user"
"""The session's key for who is logged in: ``{"id", "email", "name"}``."""


class SessionKeeper:
    """Keeps a request's session: rotates, ends and saves it. Found through :func:`keeper_of`."""

    def __init__(
        self,
        request: Request,
        session: RedisSession,
        store: SessionStore,
        generator: Callable[[], str],
        end_if_empty: bool,
    ) -> None:
        self._request = request
        self._session = session
        self._store = store
        self._generator = generator
        self._end_if_empty = end_if_empty
        self._came_with = None if session.new else session.session_id
        self._rotation: str | None = None
        self._events: list[object] = []

    @property
    def session_id(self) -> SessionId:
        """The session's id, made now if it is new. Nothing is stored before :meth:`save`."""
        return SessionId.parse(self._session.ensure_id())

    @property
    def in_use(self) -> bool:
        """Whether there is a session, or one has just ended, rather than the empty one of a visitor who only looks."""
        return self._session._invalidated or not self._session.new or bool(self._session.managed_dict)

    @property
    def user_id(self) -> int | None:
        """Who is logged in."""
        user = self._session.get(USER_KEY)
        return user["id"] if user else None

    def rotate(self, reason: str) -> None:
        """Give the session a new id when it is saved; the old one dies in that very write.

        A session that is new in this request has an id that nobody can know yet, and keeps it.
        """
        if self._came_with is None:
            return
        self._rotation = reason
        state = self._session._session_state
        state.session_id = str(SessionId.new(self._generator, SessionId.parse(self._came_with).series))
        self._session.changed()
        self._session.please_recookie()

    def end(self, reason: EndReason) -> None:
        """End the session in Redis now. What is put into ``request.session`` afterwards starts a new one.

        Raises StoreUnavailable if Redis cannot be reached: then nothing has ended.
        """
        if self._came_with is not None:
            # A rotation that is not saved yet is undone: it is the stored id that has to end.
            self._session._session_state.session_id = self._came_with
            self._events.append(SessionEnded(self._request, SessionId.parse(self._came_with).handle, reason))
        self._session.invalidate()
        self._came_with = self._rotation = None

    def save(self) -> None:
        """Write what has changed, before the response leaves, then tell the events. One command, none if unchanged.

        Raises StoreUnavailable if Redis cannot be reached.
        """
        if not self._session._invalidated:
            self._save()
        self._tell()

    def abandon(self) -> None:
        """Forget this request's changes: it failed, so it must neither save them nor send a cookie for them."""
        if not self._session._invalidated:
            state = self._session._session_state
            if state.new:
                state.managed_dict.clear()
            state.please_recookie = False
            self.close()
        self._events = [event for event in self._events if isinstance(event, SessionEnded)]
        self._tell()

    def close(self) -> None:
        """End all saving. The finished callback of pyramid_session_redis would else write after the response has left,
        where no error view can answer for a failure.
        """
        if not self._session._invalidated:
            self._session._session_state.dont_persist = True
            self._session._session_state.dont_refresh = True

    def _save(self) -> None:
        session, state = self._session, self._session._session_state
        if state.dont_persist or (state.new and not state.managed_dict):
            return
        if not state.managed_dict and self._end_if_empty:
            self.end("empty")
            return
        pushes_expiry = self._expiry_is_due()
        payload = state.should_persist(session)
        # Its dict methods ask for a write even where they have changed nothing (pop_flash on an empty queue).
        if payload and (self._rotation or hashed_value(payload) != state.persisted_hash):
            session.ensure_id()
            self._write(payload, pushes_expiry)
        elif state.please_refresh and not (session._timeout_trigger or session._python_expires):
            # Its dict methods also ask for an EXPIRE on every read; due only where nothing else slides the expiry.
            session.do_refresh()

    def _write(self, payload: bytes, pushes_expiry: bool) -> None:
        session, state = self._session, self._session._session_state
        try:
            self._persist(payload)
        except SessionGoneError:
            self._drop()
            return
        # A conflict was merged: what is stored may be more than what this request had.
        stored = session.deserialize(self._store.payload)
        state.managed_dict, state.expires = stored["m"], stored.get("x")
        state.persisted_hash = hashed_value(self._store.payload)
        if pushes_expiry and not state.new:
            session.please_recookie()

    def _persist(self, payload: bytes) -> None:
        session, state = self._session, self._session._session_state
        try:
            session.do_persist(payload)
        except SessionGoneError:
            if self._rotation != "login":
                raise
            # Another tab logged in or out meanwhile. The password was right, so this login stands, in a session of its own.
            self._store.forget()
            state.session_id = str(SessionId.new(self._generator))
            self._came_with = None
            session.do_persist(payload)
        handle = SessionId.parse(state.session_id).handle
        if self._came_with is None:
            self._events.append(SessionStarted(self._request, handle))
        elif self._rotation:
            self._events.append(SessionRotated(self._request, handle, self._rotation, self.user_id))
        self._came_with, self._rotation = state.session_id, None

    def _drop(self) -> None:
        """The session ended while this request was at work: leave it ended, and leave the browser's cookie alone.

        The cookie in the browser may by now be that of a newer login, so this response neither sets nor deletes one.
        """
        self._session._session_state.please_recookie = False
        self.close()
        self._events.append(SessionWriteDropped(self._request, SessionId.parse(self._came_with or "").handle))

    def _expiry_is_due(self) -> bool:
        """Whether a write now pushes the idle expiry out, so that the cookie should slide along."""
        state, trigger = self._session._session_state, self._session._timeout_trigger
        if not state.expires or not trigger:
            return True
        return self._session.timestamp >= state.expires - trigger

    def _tell(self) -> None:
        events, self._events = self._events, []
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
