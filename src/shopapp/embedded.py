"""A real Valkey server for development, from a directory that keeps its data. Knows no setting and no session.

All processes that use a directory share one server, and the last one out stops it. Three locks in the directory say
who is who. The kernel drops a lock with the process that held it, so a crash leaves none behind:

    starting.lock   whoever starts or stops the server: one process at a time
    users.lock      shared by all that use the server; whoever gets it alone knows that nobody else does
    server.lock     the server itself, which inherits it: free means that no server runs on this data
"""

import atexit
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from shopapp.valkey import EmbeddedServerError, ask, launch, socket_path

__all__ = ["EmbeddedServerError", "start_server", "stop_server", "stop_servers"]

PATIENCE_SECONDS = 10.0
"""How long to wait for a server to answer or to end: reading a large file of data back takes its time."""

_servers: dict[tuple[int, Path], "_Server"] = {}
_servers_mutex = threading.Lock()


def start_server(directory: str | Path) -> Path:
    """Return the socket of the server whose data is in `directory`; start it unless it runs.

    It is stopped when this process ends, by SIGTERM too. Raises EmbeddedServerError.
    """
    directory = Path(directory).resolve()
    with _servers_mutex:
        _stop_at_exit()
        # A forked child has its parent's entries. They are not its own: it must neither use nor stop them.
        key = os.getpid(), directory
        try:
            server = _servers[key] = _servers.get(key) or _Server(directory)
            server.start()
        except OSError as error:
            raise EmbeddedServerError(
                f"cannot run a Valkey server in {directory}: {error}; let this user write there or name another"
            ) from error
        return server.socket


def stop_server(directory: str | Path) -> None:
    """Stop using the server of this directory; if nobody else uses it, it writes its data and ends."""
    with _servers_mutex:
        server = _servers.pop((os.getpid(), Path(directory).resolve()), None)
        if server is not None:
            server.leave()


def stop_servers() -> None:
    """Stop using every server this process uses."""
    for process, directory in list(_servers):
        if process == os.getpid():
            stop_server(directory)


def _stop_at_exit() -> None:
    """Stop the servers when the process ends; make SIGTERM an orderly end, for by default it runs no exit handler."""
    atexit.unregister(stop_servers)
    atexit.register(stop_servers)
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit)


def _exit(signum: int, _frame: FrameType | None) -> None:
    signal.signal(signum, signal.SIG_IGN)  # a second one must not interrupt the server's stop
    sys.exit(128 + signum)


class _Server:
    """This process's share in the server of one directory."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.socket = socket_path(directory)
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._users_lock: int | None = None

    def start(self) -> None:
        with self._starting():
            if self._users_lock is None:
                self._join()
            if not self._answers():
                self._launch()
                if not self._answers():
                    raise EmbeddedServerError(f"the Valkey server in {self._directory} ended at once; see {self._log}")

    def leave(self) -> None:
        if self._users_lock is None:
            return
        with self._starting():
            # Closed, not unlocked: a forked child may hold the same lock, and goes on using the server.
            os.close(self._users_lock)
            self._users_lock = None
            alone = self._lock("users.lock")
            if alone is not None:
                self._shut_down()
                os.close(alone)

    def _join(self) -> None:
        """Become a user of the server, after ending one whose users all crashed: it may be of another version."""
        alone = self._lock("users.lock")
        if alone is not None:
            self._shut_down()
            os.close(alone)
        self._users_lock = self._lock("users.lock", shared=True)

    def _launch(self) -> None:
        lock = self._lock("server.lock")
        assert lock is not None  # noqa: S101 - nobody but its server holds it while we hold starting.lock
        try:
            self._process = launch(self._directory, log=self._log, inherited=lock)
        finally:
            os.close(lock)

    def _shut_down(self) -> None:
        """Have the server write its data and end, whoever started it."""
        if self._process is not None:
            self._process.terminate()
        try:
            self._wait(self._shuts_down, "does not end")
        finally:
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def _shuts_down(self) -> bool:
        if self._ended():
            return True
        if self._process is None:
            # Asked again and again, because a server whose app crashed early may not listen yet.
            with suppress(OSError):
                ask(self.socket, b"SHUTDOWN NOSAVE")
        return False

    def _wait(self, done: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not done():
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"the Valkey server in {self._directory} {complaint}; see {self._log}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        """Wait until the server answers or has ended: one that starts or dies does neither for a moment."""
        self._wait(lambda: self._ended() or self._pings(), "does not answer")
        return not self._ended()

    def _pings(self) -> bool:
        with suppress(OSError):
            return ask(self.socket, b"PING").startswith(b"+PONG")
        return False

    def _ended(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        free = self._lock("server.lock")
        if free is None:
            return False
        os.close(free)
        if self._process is not None:
            self._process.wait()  # the kernel drops its lock a moment before it is done
            self._process = None
        return True

    @property
    def _log(self) -> Path:
        return self._directory / "valkey.log"

    @contextmanager
    def _starting(self) -> Iterator[None]:
        held: list[int] = []

        def taken() -> bool:
            lock = self._lock("starting.lock")
            held.extend([] if lock is None else [lock])
            return bool(held)

        self._wait(taken, "is being started or stopped by another process that does not finish")
        try:
            yield
        finally:
            os.close(held[0])

    def _lock(self, name: str, *, shared: bool = False) -> int | None:
        """Take a lock and return the file that holds it until closed, or None if another process has it."""
        file = os.open(self._directory / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        return file
