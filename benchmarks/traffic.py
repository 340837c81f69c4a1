"""The load: 16 connections that send one request after the other, by wrk, or by a client of our own where it is not."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client import Client
from benchmarks.contenders import BenchmarkError
from benchmarks.load import CLIENTS, Load, Request

SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True)
class Traffic:
    """What the clients send."""

    requests: Sequence[Request] = ()
    """In turn; without any, they log in and out: each login is another person's, and each logout has its cookie."""

    def send(self, port: int, seconds: float) -> Load:
        """Send it for so long. Raises BenchmarkError."""
        if shutil.which("wrk"):
            return self._send_by_wrk(port, seconds)
        return Client(self.requests, port).run(seconds)

    def _send_by_wrk(self, port: int, seconds: float) -> Load:
        duration = f"{max(round(seconds), 1)}s"
        command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{duration}", "-s", str(SCRIPT), f"http://127.0.0.1:{port}"]
        with tempfile.NamedTemporaryFile(prefix="bench") as file:
            file.write(b"\0".join(map(bytes, self.requests)))
            file.flush()
            words = [*command, "--", file.name]
            try:
                done = subprocess.run(words, capture_output=True, text=True, timeout=seconds + 60, check=False)
            except subprocess.TimeoutExpired as error:
                raise BenchmarkError("wrk did not end") from error
        return parse_wrk(done.stdout + done.stderr)


def load_tool() -> str:
    """Return what sends the load."""
    return "wrk" if shutil.which("wrk") else "a client of our own, for want of wrk"


def parse_wrk(output: str) -> Load:
    """Read the line that wrk.lua prints at the end. Raises BenchmarkError."""
    lines = [line.removeprefix("RESULT ") for line in output.splitlines() if line.startswith("RESULT ")]
    if len(lines) != 1:
        raise BenchmarkError(f"wrk gave no result:\n{output}")
    result = json.loads(lines[0])
    seconds = result["microseconds"] / 1e6
    requests = result["requests"]
    return Load(requests / seconds, result["p99_microseconds"] / 1e3, result["errors"], requests)
