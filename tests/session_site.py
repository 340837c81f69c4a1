"""The bare session app for whole tests: with its Redis, the events it told, and requests with any cookie one likes."""

from collections.abc import Callable, Iterator
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from webtest import TestApp
from webtest.response import TestResponse

from session_app import ADDRESS, VIEWS, add_views
from shopapp import events
from shopapp.events import RAISE_OBSERVER_ERRORS
from shopapp.sessions.ids import SessionId
from shopapp.sessions.signing import CookieSigner
from shopapp.testing import TEST_SECRET, ObservedRedis

HOUR = 3600
DAY = 24 * HOUR

KINDS = (
    events.LoginRepeated,
    events.PasswordChanged,
    events.SessionConflict,
    events.SessionEnded,
    events.SessionMerged,
    events.SessionRotated,
    events.SessionStarted,
    events.SessionWriteDeferred,
    events.SessionWriteDropped,
    events.UserLoggedIn,
    events.UserLoggedOut,
    events.UserLoginFailed,
)


class Trouble(Exception):
    """A failure with an error page of its own: ``Trouble(status)``."""


class Site:
    """The app with ``redis.sessions.*`` settings (without that prefix), and what can be seen of it from outside."""

    def __init__(self, client: ObservedRedis, **settings: Any) -> None:
        keys = {"secret": TEST_SECRET, "redis_client_callable": "shopapp.testing.ObservedRedis.of", **settings}
        raw = {f"redis.sessions.{key}": str(value) for key, value in keys.items() if value is not None}
        self.redis = client
        self.told: list[Any] = []
        self.returned: Any = None
        self._action: Callable[[Request], Any] = lambda request: None
        self._name = settings.get("cookie_name", "session")
        with Configurator(settings={**raw, "shopapp.testing.redis": client}) as config:
            config.registry[RAISE_OBSERVER_ERRORS] = True
            config.include("shopapp.sessions")
            add_views(config, VIEWS)
            config.add_route("run", "/run")
            config.add_view(self._run, route_name="run")
            config.add_exception_view(lambda error, request: Response(status=error.args[0]), context=Trouble)
            for kind in KINDS:
                config.add_subscriber(lambda event: self.told.append(event), kind)
        self.registry = config.registry
        self.app = config.make_wsgi_app()

    def browser(self) -> TestApp:
        """Return a browser with a cookie jar of its own."""
        return TestApp(self.app, extra_environ=ADDRESS)

    def visit(self, path: str, cookie: str | None, **options: Any) -> TestResponse:
        """Send one request with just this value of the session cookie."""
        return self.send(path, f"{self._name}={cookie}" if cookie is not None else None, **options)

    def send(self, path: str, header: str | None, **options: Any) -> TestResponse:
        """Send one request with just this ``Cookie`` header."""
        return self.browser().get(path, headers={"Cookie": header} if header is not None else {}, **options)

    def run(self, visitor: TestApp | str | None, action: Callable[[Request], Any], **options: Any) -> TestResponse:
        """Do ``action`` in a request of a browser, or of whoever has this cookie; ``returned`` is what it returned."""
        self._action = action
        if isinstance(visitor, TestApp):
            return visitor.get("/run", **options)
        return self.visit("/run", visitor, **options)

    def commands_of(self, act: Callable[[], Any]) -> list[str]:
        """Return the Redis commands that ``act`` makes."""
        self.redis.commands.clear()
        act()
        return list(self.redis.commands)

    def warm(self) -> None:
        """Have Redis know every script, as after the first minute of service, and hold nothing else."""
        visitor = self.browser()
        for path in ("/login?user=9", "/set?a=1", "/logout"):
            visitor.get(path)
        self.redis.flushall()
        self.forget()

    def forget(self) -> None:
        """Forget what was told and sent until now."""
        self.told.clear()
        self.redis.commands.clear()

    def events(self, kind: type) -> list[Any]:
        """Return the events of this kind that were told."""
        return [event for event in self.told if isinstance(event, kind)]

    def key_of(self, cookie: str) -> str:
        """Return the Redis key of the session that this cookie of the standard signer leads to."""
        return f"session:{handle_of(cookie)}"

    def answer_errors(self, error: type[Exception]) -> None:
        """Have the app answer 503 for this error, as any app does that has error views."""
        config = Configurator(registry=self.registry, autocommit=True)
        config.add_exception_view(lambda _error, _request: Response(status=503), context=error)

    def session_keys(self) -> list[str]:
        """Return the Redis keys of all sessions."""
        return [key for key in self.redis_keys() if not key.startswith("session:user:")]

    def redis_keys(self) -> list[str]:
        """Return all Redis keys."""
        return sorted(key.decode() for key in self.redis.scan_iter())

    def _run(self, request: Request) -> Response:
        response = request.response
        self.returned = self._action(request)
        return self.returned if isinstance(self.returned, Response) else response


def id_of(cookie: str) -> SessionId:
    """Return the id in a cookie that was signed with the secret of the tests."""
    return SessionId.parse(CookieSigner([TEST_SECRET]).loads(cookie.encode()))


def handle_of(cookie: str) -> str:
    """Return the handle of the session that a cookie leads to."""
    return id_of(cookie).handle


def set_cookie(response: TestResponse, name: str = "session") -> dict[str, str] | None:
    """Return the only ``Set-Cookie`` of this name: its attributes in lower case and "value"; None if there is none."""
    found = [line for line in response.headers.getall("Set-Cookie") if line.startswith(f"{name}=")]
    assert len(found) <= 1, found
    return dict(_parts(found[0])) if found else None


def is_deletion(response: TestResponse, name: str = "session") -> bool:
    """Return whether the response deletes the cookie."""
    cookie = set_cookie(response, name)
    return cookie is not None and cookie["value"] == "" and cookie["max-age"] == "0"


def _parts(line: str) -> Iterator[tuple[str, str]]:
    first, *others = line.split("; ")
    yield "value", first.partition("=")[2]
    for other in others:
        attribute, _, value = other.partition("=")
        yield attribute.lower(), value
