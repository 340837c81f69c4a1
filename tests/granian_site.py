"""``shopapp serve`` as a process of its own, on production.ini, and HTTP to it byte by byte."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

PRODUCTION = Path(__file__).parents[1] / "production.ini"
SECRET = "dGhpcyBvbmUgaXMgb25seSBmb3IgdGVzdHMgLSBub3RoaW5nIGVsc2UgMTIz"
HOST = "shop.example"
PATIENCE_SECONDS = 30

VIEWS = '''
import time

def includeme(config):
    """Pages that no shop has: one that takes its time, one that shows where a request is from."""
    for name, view in {"slow": slow, "peer": peer}.items():
        config.add_route(name, f"/{name}")
        config.add_view(view, route_name=name, renderer="json")

def slow(request):
    open(request.registry.settings["slow_begun"], "w").close()
    time.sleep(1.5)
    return "done"

def peer(request):
    return {"address": request.remote_addr, "url": request.host_url}
'''


class Site:
    """The command in its own directory. ``changes``: what stands in production.ini, and what is to stand there."""

    def __init__(self, directory: Path, environ: dict[str, str], **changes: str) -> None:
        self.port, self.directory = free_port(), directory
        self.begun, self._log = directory / "begun", directory / "log"
        (directory / "extra_views.py").write_text(VIEWS)
        (directory / "production.ini").write_text(self._ini(changes))
        self._environ = {**os.environ, "PYTHONPATH": str(directory), "SESSION_SECRET": SECRET, **environ}
        self._process: subprocess.Popen[bytes] | None = None

    def _ini(self, changes: dict[str, str]) -> str:
        text = PRODUCTION.read_text().replace(
            "use = egg:shopapp\n",
            f"use = egg:shopapp\npyramid.includes = extra_views\nslow_begun = {self.begun}\n",
        )
        for before, after in {"127.0.0.1:6543": f"127.0.0.1:{self.port}", **changes}.items():
            assert before in text
            text = text.replace(before, after)
        return text

    def start(self, processes: int = 1) -> None:
        """Start it."""
        command = [sys.executable, "-m", "shopapp", "-c", "production.ini", "serve", f"--processes={processes}"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=self.directory, env=self._environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait(self) -> None:
        """Wait until it serves."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "Started worker-1" not in self.log:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def signal(self, signum: signal.Signals) -> None:
        """Send a signal to the command alone."""
        self._process.send_signal(signum)

    def ended(self) -> int:
        """Wait for its end; return its exit status."""
        return self._process.wait(PATIENCE_SECONDS)

    def stop(self) -> int:
        """End it as a supervisor does."""
        if self._process is None:
            return 0
        self.signal(signal.SIGTERM)
        return self.ended()

    def workers(self) -> list[int]:
        """Return its processes that serve."""
        return [int(line.rpartition(" ")[2]) for line in self.log.splitlines() if "Spawning worker-" in line]

    @property
    def log(self) -> str:
        """What it has said."""
        return self._log.read_text()

    def raw(self, *pieces: str) -> HTTPResponse:
        """Send these bytes; return the head of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS) as connection:
            connection.sendall("".join(pieces).encode("latin-1"))
            with HTTPResponse(connection) as response:
                response.begin()
                return response


@contextmanager
def running(site: Site, processes: int = 1) -> Iterator[Site]:
    """Serve, and stop at the end."""
    site.start(processes)
    try:
        site.wait()
        yield site
    finally:
        site.stop()


class Proxy:
    """What stands in front of the shop: it has the address ``own``, and says that a browser at ``address`` came to it.

    It keeps that browser's session cookie.
    """

    def __init__(self, site: Site, address: str = "192.0.2.7", own: str = "127.0.0.1") -> None:
        self._site, self._own, self.cookie = site, own, ""
        self.headers = {"Host": HOST, "X-Forwarded-For": address, "X-Forwarded-Proto": "https"}

    def ask(self, path: str, headers: dict[str, str] | None = None, **form: object) -> tuple[int, Any]:
        """GET as JSON, or POST the form; return the status and the answer."""
        connection = HTTPConnection(
            "127.0.0.1", self._site.port, timeout=PATIENCE_SECONDS, source_address=(self._own, 0)
        )
        sent = {"Accept": "application/json", "Cookie": self.cookie, **self.headers, **(headers or {})}
        body = urlencode(form) if form else None
        if body:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request("POST" if body else "GET", path, body, {k: v for k, v in sent.items() if v})
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        self.set_cookie = response.headers.get("Set-Cookie", "")
        self.request_id = response.headers["X-Request-ID"]
        self.cookie = self.set_cookie.partition(";")[0] or self.cookie
        return response.status, json.loads(text) if response.headers.get_content_subtype() == "json" else text


def free_port() -> int:
    """Return a port of the loopback that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]
