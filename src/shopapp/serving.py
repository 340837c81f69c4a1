"""The shop on granian, out of the ini that waitress is run from, and with the safeguards that it has from waitress.

``[server:main]`` is read by waitress's own reader, and the proxy's headers by its own middleware: what is trusted on
the one server is trusted on the other. Every process makes an app of its own, so no connection is shared.
"""

import multiprocessing
import socket
from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import plaster
from granian.constants import HTTPModes, Interfaces
from granian.errors import FatalError
from granian.http import HTTP1Settings
from granian.server import Server
from pyramid.paster import get_app, setup_logging
from waitress.adjustments import Adjustments
from waitress.proxy_headers import proxy_headers_middleware
from waitress.utilities import cleanup_unix_socket

from shopapp.starting import refuse

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

UNDERSTOOD = {
    "backlog",
    "channel_timeout",
    "clear_untrusted_proxy_headers",
    "host",
    "ipv4",
    "ipv6",
    "listen",
    "log_untrusted_proxy_headers",
    "max_request_body_size",
    "max_request_header_size",
    "port",
    "threads",
    "trusted_proxy",
    "trusted_proxy_count",
    "trusted_proxy_headers",
    "unix_socket",
    "unix_socket_perms",
}
"""The keys of waitress that mean the same here. Any other is refused: it would be ignored without a word."""

NEEDLESS = {"asyncore_use_poll", "cleanup_interval", "connection_limit", "inbuf_overflow"}
"""Those that say how waitress's one loop lives with many connections. Granian lives with them as it is."""

LEAST_HEADER_BYTES = 8192
"""Granian does not start with less."""

STOP_SECONDS = 30
"""How long requests at work may take after SIGTERM. What hangs for longer is cut off."""

LOGGING = {"handlers": {}, "loggers": {"_granian": {"propagate": True}}}
"""What granian says goes where the ini sends everything, and not to handlers of its own."""


class CannotServeError(Exception):
    """The server cannot be started; the message is one sentence that says why."""


def serve(ini: str, server: str, processes: int) -> None:
    """Serve the app of the ini until SIGTERM or Ctrl-C. Raises CannotServeError.

    Raises SystemExit if a process ended by itself. It takes the others with it: what supervises us starts them anew.
    """
    options = read_options(ini, server)
    address = _address(options)
    # Each process starts from nothing: a forked one would go on with our signal handlers until it has some of its own,
    # and a SIGTERM in that time would be lost.
    multiprocessing.set_start_method("spawn", force=True)
    granian = Server(
        ini,
        **address,
        interface=Interfaces.WSGI,
        workers=processes,
        blocking_threads=options.threads,
        backlog=options.backlog,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=options.channel_timeout * 1000,
            max_buffer_size=max(LEAST_HEADER_BYTES, options.max_request_header_size),
        ),
        websockets=False,
        log_dictconfig=LOGGING,
        workers_kill_timeout=STOP_SECONDS,
    )
    setup_logging(ini)
    try:
        granian.serve(target_loader=partial(load, server=server))
    except FatalError as error:
        raise CannotServeError(f"granian does not start: {error}.") from error


def load(ini: str, server: str) -> WsgiApp:
    """Make the app, in the process that is to serve it. What is wrong with it ends the process, in one sentence."""
    setup_logging(ini)
    try:
        return guarded(get_app(ini), read_options(ini, server))
    except CannotServeError as error:
        refuse(str(error))


def read_options(ini: str, server: str) -> Adjustments:
    """Read the section of the server as waitress does. Raises CannotServeError."""
    section = f"server:{server}"
    written = dict(plaster.get_settings(ini, section))
    if not written:
        raise CannotServeError(f"{ini} has no section [{section}].")
    written.pop("use", None)
    if foreign := sorted(written.keys() - UNDERSTOOD - NEEDLESS):
        raise CannotServeError(
            f"[{section}] {', '.join(foreign)}: granian has nothing like it; remove it, or write a section for granian"
            " and name it with --server-name."
        )
    try:
        return Adjustments(**written)
    except ValueError as error:
        raise CannotServeError(f"[{section}] {error}") from error


def guarded(app: WsgiApp, options: Adjustments) -> WsgiApp:
    """Return the app behind what waitress does for it and granian does not."""
    behind_proxy = proxy_headers_middleware(
        _whole_bodies(app, options.max_request_body_size),
        trusted_proxy=options.trusted_proxy,
        trusted_proxy_count=options.trusted_proxy_count,
        trusted_proxy_headers=options.trusted_proxy_headers,
        clear_untrusted=options.clear_untrusted_proxy_headers,
        log_untrusted=options.log_untrusted_proxy_headers,
    )
    return _named_peer(_status_first(behind_proxy))


def _status_first(app: WsgiApp) -> WsgiApp:
    """Have the status told before the answer is handed over, as granian takes it: a generator tells it with its first
    piece. Waitress's middleware refuses malformed headers so, and it would be a 200.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        told = []

        def tell(*arguments: Any) -> Any:
            told.append(True)
            return start_response(*arguments)

        pieces = app(environ, tell)
        return pieces if told else list(pieces)

    return answer


def _named_peer(app: WsgiApp) -> WsgiApp:
    """Call whoever comes by a Unix socket localhost, as waitress does: granian leaves the name empty."""

    def name_peer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["REMOTE_ADDR"] = environ["REMOTE_ADDR"] or "localhost"
        return app(environ, start_response)

    return name_peer


def _whole_bodies(app: WsgiApp, max_bytes: int) -> WsgiApp:
    """Give the app a request only when all of its body has come.

    To granian a connection that breaks in the middle of a body is the end of that body, and "quantity=10" may arrive as
    "quantity=1". How much was to come only Content-Length tells: a chunked body has to be refused.
    """

    def read_body(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "HTTP_TRANSFER_ENCODING" in environ:
            return _refuse(start_response, "411 Length Required", "Please send a Content-Length.")
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > max_bytes:
            return _refuse(start_response, "413 Content Too Large", f"Please send {max_bytes} bytes at most.")
        if length:
            body = environ["wsgi.input"].read(length)
            if len(body) < length:
                return _refuse(start_response, "400 Bad Request", "The request is not complete.")
            environ["wsgi.input"] = BytesIO(body)
        return app(environ, start_response)

    return read_body


def _refuse(start_response: Callable[..., Any], status: str, text: str) -> list[bytes]:
    body = f"{text}\n".encode()
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def _address(options: Adjustments) -> dict[str, Any]:
    """Return where granian is to listen. Raises CannotServeError if that is taken, which granian does not notice."""
    if options.unix_socket:
        cleanup_unix_socket(options.unix_socket)  # one that a killed server has left
        return {"uds": Path(options.unix_socket), "uds_permissions": options.unix_socket_perms}
    family, _, _, (host, port, *_) = min(options.listen)  # IPv4 comes first, where a name has both
    if [each[0] for each in options.listen].count(family) > 1:
        raise CannotServeError("granian listens at one address; write one, such as listen = 127.0.0.1:6543.")
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise CannotServeError(f"Cannot listen at {host}, port {port}: {error.strerror}.") from error
    return {"address": host, "port": port}
