"""The session lifecycle: a session in Redis that loses no write, and once ended stays ended. Knows nothing of shops.

Any Pyramid app can take it: ``config.include("shopapp.sessions")`` with ``redis.sessions.*`` settings, then announce
:class:`~shopapp.events.UserLoggedIn` and :class:`~shopapp.events.UserLoggedOut`. See docs/sessions.md.
"""

from functools import partial
from typing import Any

from pyramid.config import Configurator
from pyramid.events import NewResponse
from pyramid.request import Request
from pyramid.tweens import EXCVIEW, INGRESS

from shopapp.audit import on_event
from shopapp.events import (
    EmailChanged,
    LoginRepeated,
    PasswordChanged,
    SessionConflict,
    SessionEnded,
    SessionIndexLost,
    SessionMerged,
    SessionRefused,
    SessionRotated,
    SessionStarted,
    SessionWriteDeferred,
    SessionWriteDropped,
    UserLoggedIn,
    UserLoggedOut,
    UserLoginFailed,
    add_observer,
)
from shopapp.redis import Client
from shopapp.sessions.along import came_along, read_along
from shopapp.sessions.client import find_client
from shopapp.sessions.data import SessionTooLargeError
from shopapp.sessions.factory import make_session_factory
from shopapp.sessions.index import SessionIndex, SessionInfo
from shopapp.sessions.lifecycle import (
    after_commit,
    end_others,
    end_session,
    handle_of,
    on_email_changed,
    on_login_repeated,
    on_password_changed,
    on_session_ended,
    on_session_rotated,
    on_session_started,
    on_user_logged_in,
    on_user_logged_out,
    session_index,
    session_of,
)
from shopapp.sessions.one_factory import refuse_other_factory
from shopapp.sessions.policy import Policy
from shopapp.sessions.record import Sealer
from shopapp.sessions.retrying import SessionConflictError
from shopapp.sessions.saving import loaded_session, on_new_response
from shopapp.sessions.session import USER_KEY, Session
from shopapp.sessions.settings import SessionSettings, load_session_settings
from shopapp.sessions.validity import CannotCheckError, check_sessions_by, on_session_index_lost

__all__ = [
    "USER_KEY",
    "CannotCheckError",
    "Session",
    "SessionConflictError",
    "SessionInfo",
    "SessionTooLargeError",
    "after_commit",
    "came_along",
    "count_sessions_of",
    "cut_off_name",
    "end_others",
    "end_session",
    "includeme",
    "keep_valid",
    "make_index",
    "page_of_sessions",
    "presented_name",
    "read_along",
    "rotate",
    "save",
    "seconds_left",
    "session_has_ended",
    "session_name",
    "session_started",
    "session_was_replaced",
    "session_was_used",
    "sessions_of",
]


def session_name(request: Request) -> str:
    """Return the handle of the request's session, a name to file other things under: it lives as long as the session,
    through every rotation, and is no secret. A new session has one too, and is stored once something is put into it.

    Raises StoreUnavailable if Redis cannot be reached.
    """
    return session_of(request).handle


def session_started(request: Request) -> int:
    """Return when the request's session began, or the login in it, in seconds since 1970; now for a new one.

    Raises StoreUnavailable if Redis cannot be reached.
    """
    return session_of(request).started


def presented_name(request: Request) -> str:
    """Return the handle of the session that the request's cookie names, alive or not; empty without a signed cookie.

    Raises StoreUnavailable if Redis cannot be reached.
    """
    return session_of(request).lookup.handle


def cut_off_name(request: Request) -> str:
    """Return the handle of the session that a login or password change has taken from the request's id; else nothing.

    That its browser comes with the old id may mean that it never got the answer with the new one. Raises
    StoreUnavailable if Redis cannot be reached.
    """
    session = session_of(request)
    return session.lookup.handle if session.was_cut_off else ""


def rotate(request: Request, reason: str) -> None:
    """Give the request's session a new id, with its data kept and the old id dead, when it is saved.

    For a change of privilege that is no login. Raises StoreUnavailable if Redis cannot be reached.
    """
    session_of(request).rotate(reason)


def keep_valid(request: Request, mark: str) -> None:
    """Have the request's session go on where it gives the account's own record another mark: see
    ``config.check_sessions_by``. A visitor's session has none. Raises StoreUnavailable if Redis cannot be reached.
    """
    session_of(request).keep_valid(mark)


def save(request: Request) -> bool:
    """Save the request's session now instead of when the response is ready; what changes later is saved then.

    Return False if the session has ended meanwhile, so that nothing was saved. Raises StoreUnavailable if Redis cannot
    be reached, SessionTooLargeError, SessionConflictError.
    """
    return session_of(request).save()


def seconds_left(request: Request) -> int | None:
    """Return how long the request's session lives if nobody uses it from now on; None if for ever.

    A new one has the time that it will have when it is stored. Raises StoreUnavailable if Redis cannot be reached.
    """
    return session_of(request).seconds_left


def sessions_of(request: Request, user_id: int | str) -> list[SessionInfo]:
    """Return the live sessions of a person, the one used last first.

    Raises StoreUnavailable if Redis cannot be reached.
    """
    return session_index(request).sessions(user_id, here=handle_of(request, user_id))[0]


def page_of_sessions(request: Request, user_id: int | str, start: int, most: int) -> tuple[list[SessionInfo], int]:
    """Return ``most`` of the sessions of a person who has many, as :func:`sessions_of`, and how many they have.

    They are counted by the time of login, the latest first, from ``start`` on, which is 0 for the first; those of them
    that are over by now are left out. Raises StoreUnavailable if Redis cannot be reached.
    """
    return session_index(request).sessions(user_id, start, most, here=handle_of(request, user_id))


def count_sessions_of(request: Request, user_id: int | str) -> int:
    """Return how many sessions a person has at most: some of them may be over. Raises StoreUnavailable."""
    return session_index(request).count(user_id)


def session_was_replaced(request: Request) -> bool:
    """Return whether the request came with an id that was replaced a moment ago, by a login or a rotation.

    It has no session then, and what it puts into one is dropped: its browser should load the page again, with the
    cookie that it has by now. Raises StoreUnavailable if Redis cannot be reached.
    """
    return session_of(request).was_replaced


def session_has_ended(request: Request) -> bool:
    """Return whether the request came with the id of a session that is over, and that was not a visitor's as far as is
    known. Raises StoreUnavailable if Redis cannot be reached.
    """
    lookup = session_of(request).lookup
    if lookup.outcome in ("idle", "absolute"):
        return lookup.user_id is not None
    return lookup.outcome in ("dead", "reused", "revoked", "refused")


def session_was_used(request: Request) -> bool:
    """Return whether the response depends on a session: one came with the request, or one starts with it."""
    session = loaded_session(request)
    return session is not None and session.in_use


def make_index(client: Client, settings: SessionSettings, **options: Any) -> SessionIndex:
    """Return the index of all persons' sessions, for a client that is no request's: a command line's."""
    return SessionIndex(client, Sealer(settings.secrets), Policy.of(settings), **options)


def includeme(config: Configurator) -> None:
    """Install the session factory, the saving of sessions, the lifecycle's subscribers and their observers.

    Raises SettingsError if a ``redis.sessions.*`` setting is wrong, ConfigurationConflictError if the app has another
    session factory, StoreUnavailable and EmbeddedServerError if the client cannot be made.
    """
    settings = load_session_settings(config.registry.settings)
    config.registry["shopapp.sessions.settings"] = settings
    config.registry["shopapp.redis"] = find_client(config, settings)
    config.add_tween("shopapp.sessions.client.take_turn_factory", under=INGRESS)
    factory = make_session_factory(config, settings)
    refuse_other_factory(config, factory)
    config.set_session_factory(factory)
    config.registry["shopapp.sessions.index"] = partial(make_index, settings=settings)
    config.registry["shopapp.sessions.max_sessions"] = settings.max_sessions
    config.add_tween(
        "shopapp.sessions.saving.save_session_factory", under=("pyramid_tm.tm_tween_factory", INGRESS), over=EXCVIEW
    )
    config.add_subscriber(on_new_response, NewResponse)
    config.add_subscriber(on_user_logged_in, UserLoggedIn)
    config.add_subscriber(on_user_logged_out, UserLoggedOut)
    config.add_subscriber(on_password_changed, PasswordChanged)
    config.add_subscriber(on_email_changed, EmailChanged)
    config.add_subscriber(on_session_started, SessionStarted)
    config.add_subscriber(on_session_rotated, SessionRotated)
    config.add_subscriber(on_login_repeated, LoginRepeated)
    config.add_subscriber(on_session_ended, SessionEnded)
    config.add_subscriber(on_session_index_lost, SessionIndexLost)
    config.add_directive("check_sessions_by", check_sessions_by)
    for event in (
        EmailChanged,
        LoginRepeated,
        PasswordChanged,
        SessionConflict,
        SessionEnded,
        SessionMerged,
        SessionIndexLost,
        SessionRefused,
        SessionRotated,
        SessionStarted,
        SessionWriteDeferred,
        SessionWriteDropped,
        UserLoggedIn,
        UserLoggedOut,
        UserLoginFailed,
    ):
        add_observer(config, on_event, event)
