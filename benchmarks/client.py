"""The load in Python, where wrk is not: one thread, one request in flight on each of the connections."""

import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count, cycle

from benchmarks.contenders import BenchmarkError
from benchmarks.load import CLIENTS, Load, Request, percentile


class Client:
    """All connections to one app. Without requests they log in and out."""

    def __init__(self, requests: Sequence[Request], port: int) -> None:
        self._address = "127.0.0.1", port
        self._signed_in: list[str] | None = None if requests else []
        logins = (bytes(Request("POST", f"/login/{user}")) for user in count(1_000))
        self._requests = cycle([bytes(request) for request in requests]) if requests else logins
        self._latencies: list[float] = []
        self._errors = 0

    def run(self, seconds: float) -> Load:
        """Send requests for so long; those still in flight at the end do not count."""
        with ExitStack() as stack:
            selector = stack.enter_context(selectors.DefaultSelector())
            for _ in range(CLIENTS):
                connection = stack.enter_context(socket.create_connection(self._address, timeout=10))
                selector.register(connection, selectors.EVENT_READ, _Answer())
            started = time.perf_counter()
            for key in selector.get_map().values():
                self._send(key.fileobj, key.data)
            while time.perf_counter() < started + seconds:
                for key, _events in selector.select(timeout=1):
                    self._receive(key.fileobj, key.data)
            took = time.perf_counter() - started
        if not self._latencies:
            raise BenchmarkError("not one request was answered")
        return Load(
            len(self._latencies) / took, percentile(self._latencies, 99) * 1e3, self._errors, len(self._latencies)
        )

    def _send(self, connection: socket.socket, answer: "_Answer") -> None:
        answer.received, answer.sent_at = b"", time.perf_counter()
        if self._signed_in:
            connection.sendall(bytes(Request("POST", "/logout").with_cookie(self._signed_in.pop())))
        else:
            connection.sendall(next(self._requests))

    def _receive(self, connection: socket.socket, answer: "_Answer") -> None:
        data = connection.recv(65_536)
        if not data:
            raise BenchmarkError("the app closed a connection")
        answer.received += data
        if not answer.is_complete():
            return
        self._latencies.append(time.perf_counter() - answer.sent_at)
        self._errors += not answer.received.startswith(b"HTTP/1.1 2")
        if self._signed_in is not None:
            self._signed_in += answer.new_cookies()
        self._send(connection, answer)


class _Answer:
    """What came so far on one connection."""

    received = b""
    sent_at = 0.0

    def is_complete(self) -> bool:
        head, end, body = self.received.partition(b"\r\n\r\n")
        _, named, rest = head.lower().partition(b"content-length:")
        return bool(end) and len(body) >= (int(rest.partition(b"\r\n")[0]) if named else 0)

    def new_cookies(self) -> list[str]:
        """Return the cookie that the answer sets, unless it takes one away."""
        for line in self.received.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n"):
            name, _, value = line.partition(":")
            if name.lower() == "set-cookie" and "max-age=0" not in value.lower():
                return [value.strip().partition(";")[0]]
        return []
