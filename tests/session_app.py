"""A small Pyramid app that has nothing but ``shopapp.sessions``: sessions are tested on it, apart from any shop."""

from collections.abc import Callable, Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from webtest import TestApp

from shopapp.events import RAISE_OBSERVER_ERRORS, PasswordChanged, UserLoggedIn, UserLoggedOut
from shopapp.sessions import USER_KEY, end_others, end_session, rotate, session_name, sessions_of
from shopapp.testing import TEST_SECRET, ObservedRedis

ADDRESS = {"REMOTE_ADDR": "192.0.2.1"}


def make_app(client: Any, views: Mapping[str, Any] | None = None, **settings: Any) -> Any:
    """Return the app on ``client``, with more ``views`` by their names. ``settings`` are ``redis.sessions.*`` keys
    without that prefix, as in an ini.
    """
    keys = {"secret": TEST_SECRET, "redis_client_callable": "shopapp.testing.ObservedRedis.of", **settings}
    keys.setdefault("redis_waiting", "1000")  # as many threads as a test has, on a machine that may be busy
    raw = {f"redis.sessions.{key}": value for key, value in keys.items() if value is not None}
    with Configurator(settings={**raw, "shopapp.testing.redis": client}) as config:
        config.registry[RAISE_OBSERVER_ERRORS] = True
        config.include("shopapp.sessions")
        add_views(config, {**VIEWS, **(views or {})})
    return config.make_wsgi_app()


def add_views(config: Configurator, views: Mapping[str, Any]) -> None:
    """Add the views: each does one thing to the session and answers its data."""
    for name, view in views.items():
        config.add_route(name, f"/{name}")
        config.add_view(view, route_name=name, renderer="json")


def browser(app: Any) -> TestApp:
    """Return a browser with a cookie jar of its own."""
    return TestApp(app, extra_environ=ADDRESS)


def cookie_of(visitor: TestApp, name: str = "session") -> str:
    """Return the value of the session cookie in the browser's jar; empty if there is none."""
    return visitor.cookies.get(name, "").strip('"')


def _data(request: Request) -> dict[str, Any]:
    return dict(request.session)


def _set(request: Request) -> dict[str, Any]:
    request.session.update(request.GET)
    return _data(request)


def _delete(request: Request) -> dict[str, Any]:
    for key in request.GET:
        request.session.pop(key)
    return _data(request)


def _flash(request: Request) -> dict[str, Any]:
    request.session.flash(request.GET["text"])
    return _data(request)


def _pop_flash(request: Request) -> list[str]:
    return request.session.pop_flash()


def _login(request: Request) -> dict[str, Any]:
    user_id, keep = int(request.GET.get("user", "1")), "keep" in request.GET
    event = UserLoggedIn(request, user_id, f"{user_id}@example.com", f"Person {user_id}", keep)
    request.registry.notify(event)
    return _data(request)


def _signed_in(view: Callable[[Request, int], Any]) -> Callable[[Request], Any]:
    """Answer null to a visitor."""

    def signed_in(request: Request) -> Any:
        user = request.session.get(USER_KEY)
        return view(request, user["id"]) if user else None

    return signed_in


@_signed_in
def _logout(request: Request, user_id: int) -> dict[str, Any]:
    request.registry.notify(UserLoggedOut(request, user_id))
    return {}


@_signed_in
def _password(request: Request, user_id: int) -> dict[str, Any]:
    request.registry.notify(PasswordChanged(request, user_id))
    return {}


@_signed_in
def _sessions(request: Request, user_id: int) -> list[str]:
    return [info.handle for info in sessions_of(request, user_id)]


@_signed_in
def _end(request: Request, user_id: int) -> bool:
    return end_session(request, user_id, request.GET["handle"])


@_signed_in
def _end_others(request: Request, user_id: int) -> int:
    return end_others(request, user_id)


def _handle(request: Request) -> str:
    return session_name(request)


def _rotate(request: Request) -> dict[str, Any]:
    rotate(request, "test")
    return _data(request)


def _invalidate(request: Request) -> dict[str, Any]:
    request.session.invalidate()
    return {}


def _fail(request: Request) -> Response:
    request.session.update(request.GET)
    raise RuntimeError("a fault in a view")


def _plain(_request: Request) -> dict[str, Any]:
    return {}


VIEWS = {
    "data": _data,
    "set": _set,
    "delete": _delete,
    "flash": _flash,
    "pop-flash": _pop_flash,
    "login": _login,
    "logout": _logout,
    "password": _password,
    "sessions": _sessions,
    "handle": _handle,
    "end": _end,
    "end-others": _end_others,
    "rotate": _rotate,
    "invalidate": _invalidate,
    "fail": _fail,
    "plain": _plain,
}

__all__ = ["ADDRESS", "ObservedRedis", "browser", "cookie_of", "make_app"]
