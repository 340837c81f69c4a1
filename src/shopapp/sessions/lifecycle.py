"""What a person's coming and going does to their sessions. Part of those events: an error here fails the request."""

import logging
from collections.abc import Callable

from pyramid.request import Request

from shopapp.events import (
    EmailChanged,
    LoginRepeated,
    PasswordChanged,
    SessionEnded,
    SessionIndexLost,
    SessionRotated,
    SessionStarted,
    UserLoggedIn,
    UserLoggedOut,
)
from shopapp.redis import client_of
from shopapp.sessions.header import Person
from shopapp.sessions.index import SessionIndex
from shopapp.sessions.session import USER_KEY, Session

AGENT_LENGTH = 300
"""Characters kept of a User-Agent header. Browsers send fewer than 200."""


log = logging.getLogger(__name__)


def session_of(request: Request) -> Session:
    """Return the request's session, loading it if that has not been done. Raises StoreUnavailable."""
    session: Session = request.session
    return session


def on_user_logged_in(event: UserLoggedIn) -> None:
    """Store who it is and rotate the id, so that an id known from before the login opens nothing (session fixation)."""
    request, session = event.request, session_of(event.request)
    if session.user_id not in (None, event.user_id):
        # Another person was logged in in this browser: nothing of theirs may pass on.
        session.end("superseded", marker=True)
    session[USER_KEY] = {"id": event.user_id, "email": event.email, "name": event.name}
    agent, marks = (request.user_agent or "")[:AGENT_LENGTH], (event.mark,) if event.mark else ()
    person = Person(event.user_id, request.remote_addr or "", agent, marks)
    session.begin_login(person, keep=event.keep, form=event.form)


def on_user_logged_out(event: UserLoggedOut) -> None:
    """End the session in Redis at once."""
    session_of(event.request).end("logout")


def on_password_changed(event: PasswordChanged) -> None:
    """Rotate this session's id, and end all others of the person: whoever else knew the password is out.

    The others end when the transaction is committed, if there is one: a change that is rolled back ends nobody's
    session.
    """
    request = event.request
    session_of(request).rotate("password")
    after_commit(request, lambda: end_others(request, event.user_id))


def on_email_changed(event: EmailChanged) -> None:
    """As for a change of the password. This session may be a visitor's, or another person's: then it only stays."""
    request, session = event.request, session_of(event.request)
    if session.user_id == event.user_id:
        session[USER_KEY] = {**session[USER_KEY], "email": event.new}
        session.rotate("email")
    after_commit(request, lambda: end_others(request, event.user_id))


def on_session_started(event: SessionStarted) -> None:
    """Enter a new session of a person who logged in into the index."""
    if event.user_id is not None:
        # Nothing was read, so there is time to look whether old entries are stale.
        _enter(event.request, event.user_id, event.handle, sweep=True)


def on_session_rotated(event: SessionRotated) -> None:
    """Enter a session that a visitor had and a person has now into the index. Other rotations change no handle."""
    if event.reason == "login" and event.user_id is not None:
        _enter(event.request, event.user_id, event.handle, sweep=False)


def on_login_repeated(event: LoginRepeated) -> None:
    """Enter the session once more: the first sign-in may have failed before it did."""
    if event.user_id is not None:
        _enter(event.request, event.user_id, event.handle, sweep=False)


def on_session_ended(event: SessionEnded) -> None:
    """Take the session out of the index, where it was not the index that ended it.

    A login that takes over from another person leaves that entry to heal by itself, to cost no more than other logins.
    """
    if event.user_id is not None and event.reason not in ("revoked", "limit", "superseded"):
        was_there = event.reason == "logout"  # whatever else ends a session, a login may have swept out before
        session_index(event.request).remove(event.user_id, event.handle, was_there=was_there)


def session_index(request: Request) -> SessionIndex:
    """Return the index of all persons' sessions. Where it has lost something, that is told."""

    def on_lost(user_id: int | str) -> None:
        log.warning("session_index_lost user_id=%s: run `shopapp sessions reindex`", user_id)
        request.registry.notify(SessionIndexLost(request, user_id))

    index: SessionIndex = request.registry["shopapp.sessions.index"](client_of(request), on_lost=on_lost)
    return index


def handle_of(request: Request, user_id: int | str) -> str:
    """Return the handle of the request's session if it is this person's and stored, else nothing."""
    session = session_of(request)
    return session.handle if session.is_stored_for(user_id) else ""


def end_session(request: Request, user_id: int | str, handle: str) -> bool:
    """End one session of a person; False if they have none of that handle."""
    if not session_index(request).end(user_id, handle):
        return False
    _tell_ended(request, user_id, [handle], "revoked")
    return True


def end_others(request: Request, user_id: int | str) -> int:
    """End all sessions of a person but that of this request; return how many."""
    ended = session_index(request).end_all(user_id, but=handle_of(request, user_id))
    _tell_ended(request, user_id, ended, "revoked")
    return len(ended)


def after_commit(request: Request, act: Callable[[], object]) -> None:
    """Do it when the request's transaction (``pyramid_tm``) is committed, never if it is rolled back; without one, now.

    What it raises after the commit is logged by the transaction package and fails nothing.
    """
    if "tm.active" in request.environ:
        request.tm.get().addAfterCommitHook(lambda is_committed: is_committed and act())
    else:
        act()


def _enter(request: Request, user_id: int | str, handle: str, *, sweep: bool) -> None:
    limit = request.registry["shopapp.sessions.max_sessions"]
    _tell_ended(request, user_id, session_index(request).add(user_id, handle, limit, sweep=sweep), "limit")


def _tell_ended(request: Request, user_id: int | str, handles: list[str], reason: str) -> None:
    for handle in handles:
        request.registry.notify(SessionEnded(request, handle, reason, user_id))  # type: ignore[arg-type]
