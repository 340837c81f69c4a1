"""A PostgreSQL server in a folder of its own, which keeps nothing. What is installed serves: no service is touched."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contenders import BenchmarkError

SERVER_USER = "postgres"
"""PostgreSQL refuses to run as root, so for root it runs as the user that its packages create."""

DATABASE, OWNER = "shop", "postgres"


def postgresql_is_missing() -> str | None:
    """Return why there can be no server, or None if there can."""
    if _programs() is None:
        return "PostgreSQL is not installed"
    if os.geteuid() == 0 and SERVER_USER not in {entry.pw_name for entry in pwd.getpwall()}:
        return f"PostgreSQL refuses to run as root, and there is no user {SERVER_USER}"
    return None


@contextmanager
def postgresql() -> Iterator[Path]:
    """Start a server with an empty database; yield the folder of its socket. Raises BenchmarkError."""
    home = Path(tempfile.mkdtemp(prefix="bench-pg-", dir="/tmp"))  # a socket's path may have 107 bytes, not more
    if os.geteuid() == 0:
        shutil.chown(home, SERVER_USER)
    try:
        initialise(home)
        _run(home, "pg_ctl", "-D", "data", "start", "-w", "-o", f"-F -k {home} -c listen_addresses=''")
        try:
            _run(home, "createdb", "-h", str(home), "-U", OWNER, DATABASE)
            yield home
        finally:
            _run(home, "pg_ctl", "-D", "data", "stop", "-w", "-m", "fast")
    finally:
        shutil.rmtree(home)


def initialise(home: Path) -> None:
    """Make the data of a server that has not run yet. Raises BenchmarkError."""
    _run(home, "initdb", "-D", "data", f"--username={OWNER}", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")


def _run(home: Path, program: str, *arguments: str) -> None:
    user = SERVER_USER if os.geteuid() == 0 else None
    # Into a file: the server inherits it, and a pipe would stay open for as long as the server runs.
    with (home / "log").open("a+") as log:
        done = subprocess.run(
            [programs() / program, *arguments], cwd=home, user=user, stdout=log, stderr=log, check=False
        )
        if done.returncode:
            log.seek(0)
            raise BenchmarkError(f"PostgreSQL does not start:\n{log.read()[-2_000:]}")


def programs() -> Path:
    """Return the folder of the newest server's programs. Raises BenchmarkError."""
    found = _programs()
    if found is None:
        raise BenchmarkError("PostgreSQL is not installed")
    return found


def _programs() -> Path | None:
    """Return the folder of the newest server's programs, None if there is none."""
    on_path = shutil.which("pg_ctl")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))[::-1]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)
