"""Fixtures: a real PostgreSQL server for the test session, and tests that run on each database the shop supports.

Loaded as a pytest plugin. Without PostgreSQL on the machine the tests that need it are skipped.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from shopapp import migrations
from shopapp.db import create_engine_from
from shopapp.settings.shop import ShopSettings

SERVER_USER = "postgres"
"""PostgreSQL refuses to run as root, so for root it runs as the user that its packages create."""

_numbers = count(1)


class Server:
    """A server in a directory, which is that of its socket too."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._programs, self._user = _find_programs(), _server_user()
        if self._user:
            shutil.chown(home, self._user)
        self._run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self._run("pg_ctl", "start", "-w", "-o", f"-F -k {self.home} -c listen_addresses='' -c full_page_writes=off")

    def stop(self) -> None:
        """Stop it; whoever is connected is cut off."""
        self._run("pg_ctl", "stop", "-w", "-m", "fast")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes connections and what is sent to it, as its kernel does that, and answers nothing."""
        postmaster = int((self.home / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGSTOP)  # first, so that it has no more children
        children = [int(pid) for pid in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()]
        try:
            for pid in children:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in [*children, postmaster]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._programs / program, "-D", self.home / "data", *arguments]
        # Into a file: the server inherits it, and a pipe would stay open for as long as the server runs.
        with (self.home / "log").open("a+") as log:
            done = subprocess.run(command, cwd=self.home, user=self._user, stdout=log, stderr=log, check=False)
            log.seek(0)
            assert done.returncode == 0, log.read()


@contextmanager
def running_server() -> Iterator[Server]:
    """A running server, which keeps nothing."""
    home = Path(tempfile.mkdtemp(prefix="shopapp-pg-", dir="/tmp"))  # a socket's path may have 107 bytes, not more
    try:
        server = Server(home)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Path]:
    """A running server, which keeps nothing; the value is the directory of its socket."""
    with running_server() as server:
        yield server.home


@pytest.fixture
def postgresql_url(postgresql_server: Path) -> Iterator[str]:
    """The URL of an empty database of its own. A test that leaves a connection open fails when it is dropped."""
    with new_database(postgresql_server) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def each_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Runs the test twice: on an empty SQLite file and on an empty PostgreSQL database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.sqlite"
    return request.getfixturevalue("postgresql_url")


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and triggers, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "shop.sqlite"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgresql_database(postgresql_server: Path) -> str:
    """The name of a PostgreSQL database with all tables and triggers, to be copied."""
    name = "migrated"
    with psycopg.connect(host=str(postgresql_server), user="postgres", dbname="postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    _migrate(f"postgresql://postgres@/{name}?host={postgresql_server}")
    return name


@pytest.fixture
def migrated_postgresql_url(postgresql_server: Path, migrated_postgresql_database: str) -> Iterator[str]:
    """As postgresql_url, with all tables and triggers, which a test does not have to wait for."""
    with new_database(postgresql_server, migrated_postgresql_database) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def each_migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Runs the test twice: on a SQLite file and on a PostgreSQL database with all tables and triggers, but no rows."""
    if request.param == "sqlite":
        file = shutil.copy(request.getfixturevalue("migrated_sqlite_file"), tmp_path / "shop.sqlite")
        return f"sqlite:///{file}"
    return request.getfixturevalue("migrated_postgresql_url")


@pytest.fixture
def migrated_engine(each_migrated_url: str) -> Iterator[Engine]:
    """An engine on each_migrated_url."""
    engine = create_engine_from(ShopSettings(database_url=each_migrated_url))
    yield engine
    engine.dispose()


@contextmanager
def shared_engine(request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine as migrated_engine, on the database that ``request.param`` says, for more than one test."""
    if request.param == "sqlite":
        file = shutil.copy(request.getfixturevalue("migrated_sqlite_file"), folders.mktemp("shared") / "shop.sqlite")
        database = nullcontext(f"sqlite:///{file}")
    else:
        template = request.getfixturevalue("migrated_postgresql_database")
        database = new_database(request.getfixturevalue("postgresql_server"), template)
    with database as url:
        engine = create_engine_from(ShopSettings(database_url=url))
        yield engine
        engine.dispose()


@contextmanager
def new_database(server_folder: Path, template: str = "template1") -> Iterator[str]:
    """The URL of a copy of a database, ``template1`` being an empty one. It is dropped at the end."""
    name = f"shop_{next(_numbers)}"
    with psycopg.connect(host=str(server_folder), user="postgres", dbname="postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield f"postgresql://postgres@/{name}?host={server_folder}"
        server.execute(f"DROP DATABASE {name}")


def _migrate(url: str) -> None:
    engine = create_engine_from(ShopSettings(database_url=url))
    with engine.connect() as connection:
        migrations.upgrade(connection)
    engine.dispose()


def _find_programs() -> Path:
    on_path = shutil.which("pg_ctl")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))[::-1]
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    pytest.skip("PostgreSQL is not installed: no initdb and pg_ctl on PATH or in /usr/lib/postgresql")


def _server_user() -> str | None:
    """The user to run the server as; None: whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    if SERVER_USER not in {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip(f"PostgreSQL refuses to run as root, and there is no user {SERVER_USER}")
    return SERVER_USER
