"""``pytest --server granian``: each app that a test visits with WebTest is visited over HTTP, through a real granian.

It serves in a thread of the test's process, so that all that tests look at and change there still works: the Redis
client that counts and fails, hooks, events, a clock that was set. The app stands behind ``serving.guarded``, as it does
by ``shopapp serve``; what WebTest says of a peer and its scheme goes there as the headers of the trusted proxy.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPResponse
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest
from granian._granian import WorkerSignal
from granian.constants import HTTPModes, Loops, RuntimeModes, TaskImpl
from granian.net import SocketSpec
from granian.server.mt import MTServer
from waitress.adjustments import Adjustments
from webtest import TestApp

from shopapp.serving import guarded

TRUSTED = {
    "trusted_proxy": "127.0.0.1",
    "trusted_proxy_headers": "x-forwarded-for x-forwarded-proto",
    "max_request_body_size": "2097152",
}
"""As in production.ini."""

THREADS = 16
PATIENCE_SECONDS = 30
OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding"}
NUMBER = "HTTP_X_NUMBER_OF_TEST_REQUEST"

Environ = dict[str, Any]

_asker = threading.local()


def asking_thread() -> int:
    """Return the thread of the test that this one works for: for itself, unless it is one of granian's."""
    return getattr(_asker, "ident", threading.get_ident())


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--server", choices=["none", "granian"], default="none", help="Let WebTest visit apps through it.")


def pytest_configure(config: pytest.Config) -> None:
    """Put the server between all browsers of WebTest and their apps."""
    config.addinivalue_line("markers", "not_on(server, reason): not asked of this server, which answers in another way")
    if config.getoption("--server") == "none":
        return
    granian = Granian()
    config.add_cleanup(granian.stop)
    init = TestApp.__init__

    def init_over_http(browser: TestApp, app: Any, *args: Any, **options: Any) -> None:
        init(browser, app if isinstance(app, OverHttp) else OverHttp(app, granian), *args, **options)

    TestApp.__init__ = init_over_http


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say that it was not idle."""
    if config.getoption("--server") == "granian":
        terminalreporter.write_line(f"granian was sent {next(OverHttp.numbers)} requests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot be asked of the server."""
    server = config.getoption("--server")
    left_out = [item for item in items if any(server in mark.args for mark in item.iter_markers("not_on"))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


class Granian:
    """A granian in a thread. ``calls``: requests that are on their way, by a number that they carry in a header."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self._app = guarded(self._call, Adjustments(**TRUSTED))
        self.port = _free_port()
        self._stop = WorkerSignal()
        # Its public servers start processes, or take signals from the main thread, which belongs to pytest. This is
        # what one of them does for each of its workers; it ends as its process would.
        self._thread = threading.Thread(
            target=MTServer._spawn_wsgi_worker,
            args=(
                *(1, self._stop, self._app, (SocketSpec("127.0.0.1", self.port, 1024), None), Loops.asyncio),
                *(RuntimeModes.mt, 1, THREADS, THREADS, 30, 1024, TaskImpl.asyncio, HTTPModes.http1, None, None),
                *(False, None, None, (False, None, None, None, "tls1.3", None, [], False), {}, (None, None)),
            ),
        )
        self._thread.start()
        self._wait()

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)

    def _call(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        return self.calls[environ.pop(NUMBER)](environ, start_response)

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.002)


class Call:
    """A request on the server's side. What the app lets pass there is raised again on the test's side."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self.error: BaseException | None = None
        self._app, self._asked_by = app, asking_thread()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        _asker.ident = self._asked_by
        try:
            return self._app(environ, start_response)
        except BaseException as error:
            self.error = error
            raise
        finally:
            del _asker.ident


class OverHttp:
    """The app as a browser has it that is somewhere else: each call is an HTTP request on a connection of its own."""

    numbers = count()

    def __init__(self, app: Callable[..., Any], granian: Granian) -> None:
        self._app, self._granian = app, granian

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> list[bytes]:
        """Send the request; return the body of the answer."""
        number, call = str(next(self.numbers)), Call(self._app)
        self._granian.calls[number] = call
        try:
            with socket.create_connection(("127.0.0.1", self._granian.port), PATIENCE_SECONDS) as connection:
                connection.sendall(_request({**environ, NUMBER: number}))
                with HTTPResponse(connection, method=environ["REQUEST_METHOD"]) as response:
                    response.begin()
                    body = response.read()
        finally:
            del self._granian.calls[number]
        if call.error is not None:
            assert response.status == 500
            raise call.error
        headers = [(name, value) for name, value in response.getheaders() if name not in OF_ONE_CONNECTION]
        start_response(f"{response.status} {response.reason}", headers)
        return [body]


def _request(environ: Environ) -> bytes:
    """Return the request as it goes over the wire."""
    path = quote(environ.get("SCRIPT_NAME", "") + environ["PATH_INFO"], safe="/:@!$&'()*+,;=~", encoding="latin-1")
    query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    lines = [f"{environ['REQUEST_METHOD']} {path}{query} HTTP/1.1", *(f"{k}: {v}" for k, v in _headers(environ))]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _headers(environ: Environ) -> Iterator[tuple[str, str]]:
    for key, value in environ.items():
        name = key.removeprefix("HTTP_")
        if name != key or key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            yield name.replace("_", "-").title(), value
    if "REMOTE_ADDR" in environ:
        yield "X-Forwarded-For", environ["REMOTE_ADDR"]
    yield "X-Forwarded-Proto", environ["wsgi.url_scheme"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]
