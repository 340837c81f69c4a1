"""The load: 16 connections that send one request after the other, by wrk, or by a client of our own where it is not."""

import json
import math
import selectors
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path

from benchmarks.contenders import BenchmarkError
from benchmarks.visitors import SKUS

CLIENTS = 16
SCRIPT = Path(__file__).with_name("wrk.lua")

FIGURES = {"ping": "ping", "read": "read the cart", "add": "add to it", "login": "log in and out"}


@dataclass(frozen=True)
class Load:
    """What one run measured."""

    per_second: float
    p99_ms: float
    errors: int = 0


def load_tool() -> str:
    """Return what sends the load."""
    return "wrk" if shutil.which("wrk") else "a client of our own, for want of wrk"


def run_load(figure: str, port: int, cookies: list[str], seconds: float) -> Load:
    """Send requests for so long."""
    if shutil.which("wrk"):
        return _run_wrk(figure, port, cookies, seconds)
    return Client(figure, port, cookies).run(seconds)


def parse_wrk(output: str) -> Load:
    """Read the line that wrk.lua prints at the end. Raises BenchmarkError."""
    lines = [line.removeprefix("RESULT ") for line in output.splitlines() if line.startswith("RESULT ")]
    if len(lines) != 1:
        raise BenchmarkError(f"wrk gave no result:\n{output}")
    result = json.loads(lines[0])
    seconds = result["microseconds"] / 1e6
    return Load(result["requests"] / seconds, result["p99_microseconds"] / 1e3, result["errors"])


def percentile(values: list[float], percent: float) -> float:
    """Return the smallest value that so many percent of the values do not exceed."""
    return sorted(values)[max(math.ceil(len(values) * percent / 100), 1) - 1]


def _run_wrk(figure: str, port: int, cookies: list[str], seconds: float) -> Load:
    duration = f"{max(round(seconds), 1)}s"
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{duration}", "-s", str(SCRIPT), f"http://127.0.0.1:{port}"]
    words = [*command, "--", figure, ",".join(SKUS), *cookies]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=seconds + 60, check=False)
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError("wrk did not end") from error
    return parse_wrk(done.stdout + done.stderr)


class Client:
    """The same load in Python: one thread, one request in flight on each of the connections."""

    def __init__(self, figure: str, port: int, cookies: list[str]) -> None:
        self._address = "127.0.0.1", port
        self._requests = self._requests_of(figure, cookies)
        self._signed_in: list[str] | None = [] if figure == "login" else None
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
        return Load(len(self._latencies) / took, percentile(self._latencies, 99) * 1e3, self._errors)

    def _send(self, connection: socket.socket, answer: "_Answer") -> None:
        answer.received, answer.sent_at = b"", time.perf_counter()
        signed_in = self._signed_in
        connection.sendall(_request("POST", "/logout", signed_in.pop()) if signed_in else next(self._requests))

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

    @staticmethod
    def _requests_of(figure: str, cookies: list[str]) -> Iterator[bytes]:
        if figure == "ping":
            return cycle([_request("GET", "/ping")])
        if figure == "login":
            return (_request("POST", f"/login/{user}") for user in count(1_000))
        if figure == "read":
            return cycle([_request("GET", "/cart", cookie) for cookie in cookies])
        return cycle([_request("POST", f"/cart/{sku}", cookie) for sku in SKUS for cookie in cookies])


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


def _request(method: str, path: str, cookie: str = "") -> bytes:
    header = f"Cookie: {cookie}\r\n" if cookie else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n".encode()
