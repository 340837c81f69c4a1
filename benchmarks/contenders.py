"""The contenders: each an app in a process of its own, on a core that it has to itself."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXPRESS = ROOT / "benchmarks" / "express"
PATIENCE_SECONDS = 30.0
THREADS = 4

WAITRESS = "-m waitress --call --threads={threads} --listen=127.0.0.1:{port} benchmarks.apps:app_from_environment"
GRANIAN = (
    "-m granian --interface wsgi --workers 1 --blocking-threads {threads} --http 1 --no-ws --no-access-log "
    "--log-level warning --host 127.0.0.1 --port {port} --factory benchmarks.apps:app_from_environment"
)


class BenchmarkError(Exception):
    """Something cannot be measured; the message says why."""


@dataclass(frozen=True)
class Contender:
    """An app and its server."""

    name: str
    command: str
    """Arguments for Python; empty for Express."""
    sessions: str = "ours"
    retry: bool = False

    def process(self, port: int, redis_socket: Path) -> tuple[list[str], Path, dict[str, str]]:
        """Return the command that starts it, where it runs and the environment that it needs."""
        if not self.command:
            own = {"NODE_ENV": "production", "BENCH_PORT": str(port), "BENCH_REDIS_SOCKET": str(redis_socket)}
            return ["node", "server.js"], EXPRESS, own
        own = {"BENCH_SESSIONS": self.sessions, "BENCH_REDIS": f"unix://{redis_socket}"}
        arguments = self.command.format(threads=THREADS, port=port).split()
        return [sys.executable, *arguments], ROOT, own | ({"BENCH_RETRY": "1"} if self.retry else {})


PLAIN = "plain library on waitress"
EXPRESS_ON_NODE = "Express on node"
OURS_ON_WAITRESS, OURS_ON_GRANIAN = "ours on waitress", "ours on granian"
RETRYING_ON_WAITRESS, RETRYING_ON_GRANIAN = "ours on waitress, retrying", "ours on granian, retrying"

CONTENDERS = [
    Contender(PLAIN, WAITRESS, sessions="plain"),
    Contender(OURS_ON_WAITRESS, WAITRESS),
    Contender(RETRYING_ON_WAITRESS, WAITRESS, retry=True),
    Contender(OURS_ON_GRANIAN, GRANIAN),
    Contender(RETRYING_ON_GRANIAN, GRANIAN, retry=True),
    Contender(EXPRESS_ON_NODE, ""),
]

COMPARED = [
    (OURS_ON_WAITRESS, PLAIN),
    (RETRYING_ON_WAITRESS, PLAIN),
    (OURS_ON_GRANIAN, EXPRESS_ON_NODE),
    (RETRYING_ON_GRANIAN, EXPRESS_ON_NODE),
]


@dataclass(frozen=True)
class Cores:
    """Where the apps run, and where load and Redis do; None where this system pins no process."""

    app: int | None
    load: int | None

    @classmethod
    def of_this_machine(cls) -> "Cores":
        """Take the first two cores that this process may use; with only one, all share it."""
        if not hasattr(os, "sched_getaffinity"):
            return cls(None, None)
        usable = sorted(os.sched_getaffinity(0))
        return cls(usable[0], usable[-1] if len(usable) == 1 else usable[1])

    def __str__(self) -> str:
        if self.app is None:
            return "Nothing is pinned to a core: this system cannot"
        if self.app == self.load:
            return "Everything shares one core: there is no other"
        return "Each app on one core; load and Redis on another"


def pin(core: int | None) -> None:
    """Keep this process, and what it starts from now on, on one core."""
    if core is not None:
        os.sched_setaffinity(0, {core})


@contextmanager
def running(contender: Contender, redis_socket: Path, cores: Cores, logs: Path) -> Iterator[int]:
    """Start a contender, yield its port and stop it. Raises BenchmarkError."""
    port = _free_port()
    command, directory, own = contender.process(port, redis_socket)
    log = logs / f"{contender.name}.log"
    pin(cores.app)  # it inherits that
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=directory,
                env={**os.environ, **own},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us; we end it, with all processes that it started
            )
    finally:
        pin(cores.load)
    try:
        _wait_until_it_listens(process, port, contender.name, log)
        yield port
    finally:
        _end(process)


def express_is_missing() -> str | None:
    """Install what Express needs; return why it cannot be measured, or None if it can."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        return f"{missing[0]} is not installed"
    wanted, stamp = EXPRESS / "package.json", EXPRESS / "node_modules" / ".installed"
    if stamp.exists() and stamp.stat().st_mtime > wanted.stat().st_mtime:
        return None
    command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        subprocess.run(command, cwd=EXPRESS, check=True, capture_output=True, timeout=180)
    except (OSError, subprocess.SubprocessError) as error:
        return f"npm install failed ({type(error).__name__})"
    stamp.touch()
    return None


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
