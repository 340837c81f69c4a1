"""In one thread, without a server: a WSGI app is called directly, in turns with the others, on the core of the apps."""

import io
import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from benchmarks.cores import Cores, pin
from benchmarks.load import Request

Send = Callable[[], Any]
Key = TypeVar("Key", bound=Hashable)


def sending(app: Any, request: Request, then: Callable[[Any], Any] | None = None) -> Send:
    """Return a function that calls the app as a server would, and hands the headers of the answer on to ``then``.

    It returns the answer's body.
    """
    body = request.body.encode()
    own = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": request.path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": own.pop("HTTP_CONTENT_TYPE", ""),
        "HTTP_HOST": "127.0.0.1",
        "wsgi.url_scheme": "http",
        **own,
    }

    def start_response(status: str, headers: list[tuple[str, str]], *_error: Any) -> None:
        if not status.startswith("200"):
            raise RuntimeError(f"{request.method} {request.path}: {status}")
        if then:
            then(headers)

    def send() -> bytes:
        parts = app({**environ, "wsgi.input": io.BytesIO(body)}, start_response)
        try:
            return b"".join(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()

    return send


@dataclass(frozen=True)
class Microseconds:
    """The time of one request."""

    all: float
    cpu: float
    """The processor time of this process: without waiting for Redis, for PostgreSQL, or for the core."""


def medians(sends: Mapping[Key, Send], rounds: int, requests: int, cores: Cores) -> dict[Key, Microseconds]:
    """Return the time of one request each, the medians over so many rounds of so many requests."""
    times: dict[Key, list[Microseconds]] = {key: [] for key in sends}
    pin(cores.app)
    try:
        for _ in range(rounds):
            for key, send in sends.items():
                times[key].append(_time_of(send, requests))
    finally:
        pin(cores.load)
    return {
        key: Microseconds(*(statistics.median(getattr(value, which) for value in values) for which in ("all", "cpu")))
        for key, values in times.items()
    }


def _time_of(send: Send, requests: int) -> Microseconds:
    """Return the time of one request, over a round of them."""
    send()
    started, cpu_before = time.perf_counter(), time.process_time()
    for _ in range(requests):
        send()
    took, cpu = time.perf_counter() - started, time.process_time() - cpu_before
    return Microseconds(took / requests * 1e6, cpu / requests * 1e6)
