"""The same small app on plain pyramid_session_redis: the baseline, on which the claims of this project fail.

Its login copies the data into a new session, which is all that the library offers for a rotation.
"""

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from session_app import VIEWS
from shopapp.testing import TEST_SECRET


def make_plain_app(client: Any) -> Any:
    """Return the app on ``client``, with the library's defaults but for JSON, which it shares with ours."""
    settings = {
        "redis.sessions.secret": TEST_SECRET,
        "redis.sessions.timeout": "10800",
        "redis.sessions.redis_client_callable": "shopapp.testing.ObservedRedis.of",
        "shopapp.testing.redis": client,
    }
    with Configurator(settings=settings) as config:
        config.include("pyramid_session_redis")
        for name, view in {**VIEWS, "login": _login, "logout": _logout}.items():
            config.add_route(name, f"/{name}")
            config.add_view(view, route_name=name, renderer="json")
    return config.make_wsgi_app()


def _login(request: Request) -> dict[str, Any]:
    data = dict(request.session)
    request.session.invalidate()
    request.session.update({**data, "user": {"id": int(request.GET.get("user", "1"))}})
    return dict(request.session)


def _logout(request: Request) -> dict[str, Any]:
    request.session.invalidate()
    return {}
