"""``examples/minimal`` as processes of its own, and browsers in front of it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from shopapp.testing import TEST_SECRET

APP = Path(__file__).parents[1] / "examples" / "minimal" / "app.py"

OTHERWISE_CONFIGURED = """
import json, logging, os, sys

import app, shopapp.audit

logging.basicConfig()
shopapp.audit.audit.setLevel("INFO")
settings = json.loads(sys.argv[1])
app.serve(app.make_app(**settings), listen=os.environ["LISTEN"], threads=4)
"""
"""The same app with other settings than its own. It tells on standard error what happens."""

PATIENCE_SECONDS = 30


def _hear_ctrl_c() -> None:
    """A shell has what it starts in the background ignore Ctrl-C, and the tests may be such."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Site:
    """A running process of the app. ``settings``: other ones than its own."""

    def __init__(self, redis_url: str, log: Path, **settings: Any) -> None:
        self.port, self._log = _free_port(), log
        program = ["-c", OTHERWISE_CONFIGURED, json.dumps(settings)] if settings else ["app.py"]
        own = {"REDIS_URL": redis_url, "SESSION_SECRET": TEST_SECRET, "LISTEN": f"127.0.0.1:{self.port}"}
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *program],
                cwd=APP.parent,
                env=os.environ | own,
                stdout=output,
                stderr=output,
                preexec_fn=_hear_ctrl_c,
            )

    def wait(self) -> None:
        """Wait until it serves."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"the app does not serve: {self.log}")

    def end(self) -> None:
        """Stop it, as Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(PATIENCE_SECONDS)

    @property
    def log(self) -> str:
        """What it has said."""
        return self._log.read_text()


@contextmanager
def sites(redis_url: str, directory: Path, count: int = 1, **settings: Any) -> Iterator[list[Site]]:
    """Serve the app by ``count`` processes that share the Redis."""
    running = [Site(redis_url, directory / f"site{number}.log", **settings) for number in range(count)]
    try:
        for site in running:
            site.wait()
        yield running
    finally:
        for site in running:
            site.end()


class Browser:
    """Keeps one connection and its session cookie."""

    def __init__(self, site: Site, cookie: str = "") -> None:
        self.cookie, self._connection = cookie, HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE_SECONDS)

    def get(self, path: str) -> tuple[int, Any]:
        """Return the status and the JSON of the answer."""
        return self._ask("GET", path)

    def post(self, path: str, **form: str) -> tuple[int, Any]:
        """Send a form; return the status and the JSON of the answer."""
        return self._ask("POST", path, urlencode(form))

    def _ask(self, method: str, path: str, body: str = "") -> tuple[int, Any]:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text, cookie = answer.read(), answer.headers.get("Set-Cookie", "")
        if cookie.startswith("session="):
            self.cookie = cookie.partition(";")[0]
        return answer.status, json.loads(text) if text else None

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
