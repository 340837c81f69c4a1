"""The session lifecycle: a session in Redis that loses no write, and once ended stays ended. Knows nothing of shops.

Any Pyramid app can take it: ``config.include("shopapp.sessions")`` with ``redis.sessions.*`` settings, then announce
:class:`~shopapp.events.UserLoggedIn` and :class:`~shopapp.events.UserLoggedOut`. See docs/sessions.md.
"""

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.tweens import EXCVIEW, INGRESS

from shopapp.events import UserLoggedIn, UserLoggedOut, add_observer
from shopapp.sessions.factory import make_session_factory
from shopapp.sessions.keeper import USER_KEY, keeper_of, loaded_keeper
from shopapp.sessions.lifecycle import on_user_logged_in, on_user_logged_out
from shopapp.sessions.observers import OBSERVED, on_event
from shopapp.settings import load_session_settings

__all__ = ["USER_KEY", "includeme", "session_name", "session_was_used"]


def session_name(request: Request) -> str:
    """Return a name for the request's session to file other things under: it lives as long as the session, through
    every rotation, and is no secret. A new session gets its name here, and is stored once something is put into it.

    Raises StoreUnavailable if Redis cannot be reached.
    """
    return keeper_of(request).session_id.series_hash


def session_was_used(request: Request) -> bool:
    """Return whether the response depends on a session: one came with the request, or one starts with it."""
    keeper = loaded_keeper(request)
    return keeper is not None and keeper.in_use


def includeme(config: Configurator) -> None:
    """Install the session factory, the saving of sessions, the lifecycle's subscribers and their observers.

    Raises SettingsError if a ``redis.sessions.*`` setting is wrong.
    """
    settings = load_session_settings(config.registry.settings)
    config.include("shopapp.redis")
    config.set_session_factory(make_session_factory(config, settings))
    config.add_tween(
        "shopapp.sessions.saving.save_session_factory", under=("pyramid_tm.tm_tween_factory", INGRESS), over=EXCVIEW
    )
    config.add_subscriber(on_user_logged_in, UserLoggedIn)
    config.add_subscriber(on_user_logged_out, UserLoggedOut)
    for event in OBSERVED:
        add_observer(config, on_event, event)
