"""A contender: an app in a process of its own, on a core that it has to itself."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cores import Cores, pin

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 30.0
THREADS = 4

SECRET = "a-secret-for-benchmarks-only-1d5c80e2f7a94b36"

WAITRESS = "{python} -m waitress --call --threads={threads} --listen=127.0.0.1:{port} "
GRANIAN = (
    "{python} -m granian --interface wsgi --workers 1 --blocking-threads {threads} --http 1 --no-ws --no-access-log "
    "--log-level warning --host 127.0.0.1 --port {port} --factory "
)
"""Followed by the module and the function that returns the app."""


class BenchmarkError(Exception):
    """Something cannot be measured; the message says why."""


@dataclass(frozen=True)
class Contender:
    """An app and its server."""

    name: str
    command: str
    """Words, with {python}, {port} and {threads} to be filled in. The port is in the environment as BENCH_PORT too."""
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path = ROOT

    def words(self, port: int) -> list[str]:
        """Return the command that starts it."""
        return [word.format(python=sys.executable, port=port, threads=THREADS) for word in self.command.split()]


@dataclass(frozen=True)
class App:
    """A contender that runs."""

    port: int
    group: int
    """The process group of all that it started."""

    def cpu_seconds(self) -> float:
        """Return the processor time that its processes took so far; 0 where the system does not tell."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                # Behind the name, which may hold spaces: state, parent, group, ..., user and system time.
                words = stat.read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            if int(words[2]) == self.group:
                ticks += int(words[11]) + int(words[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(contender: Contender, cores: Cores, logs: Path) -> Iterator[App]:
    """Start a contender, yield it and stop it. Raises BenchmarkError."""
    port = _free_port()
    log = logs / f"{contender.name}.log"
    pin(cores.app)  # it inherits that
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                contender.words(port),
                cwd=contender.directory,
                env={**os.environ, **contender.environment, "BENCH_PORT": str(port)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us; we end it, with all processes that it started
            )
    finally:
        pin(cores.load)
    try:
        _wait_until_it_listens(process, port, contender.name, log)
        yield App(port, process.pid)
    finally:
        _end(process)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, name: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    said = log.read_text(errors="replace")[-2_000:]
    raise BenchmarkError(f"{name} did not start:\n{said}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all those that it started."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signum)
            process.wait(timeout=5)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait(timeout=5)
