"""Two app processes behind nginx, with Redis and PostgreSQL: made in a folder, from ``production.ini``."""

import os
import random
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_urlsafe

import psycopg

from benchmarks.contenders import ROOT, BenchmarkError
from benchmarks.postgresql import DATABASE, OWNER, SERVER_USER, initialise, postgresql_is_missing, programs
from benchmarks.soak.parts import Part, free_port, is_ready
from benchmarks.soak.proxy import Proxy
from shopapp.valkey import server_binary

APPS = 2
HOST = "shop.example"
SECRETS_KEPT = 4

# What differs from production.ini: where things are, where mail goes, and a clock that turns often enough to be seen.
CHANGES = {
    "redis.sessions.rotation_interval": "40",
    "redis.sessions.rotation_grace": "20",
    "shop.url": f"https://{HOST}",
}


class World:
    """The parts, and what is done to them."""

    def __init__(self, home: Path, postgresql_home: Path, seed: int) -> None:
        chance = random.Random(seed)
        self.home, self.mail = home, home / "mail"
        self.port, redis_port, *self._app_ports = (free_port(chance) for _ in range(2 + APPS))
        self.database_url = f"postgresql+psycopg://{OWNER}@/{DATABASE}?host={postgresql_home}"
        self.redis_url = f"redis://127.0.0.1:{redis_port}/0"
        self.secrets = [token_urlsafe(48)]
        self.redis = self._redis(redis_port)
        self.postgresql = self._postgresql(postgresql_home)
        self.apps = [self._app(number) for number in range(APPS)]
        self.proxy = Proxy(home, self.port, self._app_ports)

    @property
    def environment(self) -> dict[str, str]:
        """What tells the shop where everything is."""
        return {
            "SESSION_SECRET": " ".join(self.secrets),
            "REDIS_URL": self.redis_url,
            "DATABASE_URL": self.database_url,
            "MAIL_URL": f"folder:{self.mail}",
            "SHOP_URL": f"https://{HOST}",
        }

    @property
    def ini(self) -> Path:
        """An ini of the shop, for the command line."""
        return self.home / "app0.ini"

    def start_app(self, number: int) -> None:
        """Start one of the app's processes, with the secrets of now, and wait until it is ready."""
        app = self.apps[number]
        app.environment = self.environment
        app.start()
        app.wait()

    def roll(self) -> None:
        """Replace each process, as a careful operator does: the proxy first sends it nothing any more."""
        for number, app in enumerate(self.apps):
            self.proxy.drain({number})
            app.stop()
            self.start_app(number)
        self.proxy.drain(set())

    def rotate_secrets(self) -> None:
        """Change the secret in the first two steps of docs/deployment.md; for the third all have to have been back."""
        new = token_urlsafe(48)
        for secrets in ([*self.secrets, new], [new, *self.secrets]):
            self.secrets = secrets
            self.roll()
        self.secrets = self.secrets[:SECRETS_KEPT]

    def _redis(self, port: int) -> Part:
        # "always": what is acknowledged has been written and synced. With "everysec" a write waits up to two seconds
        # in the process while an earlier sync is on its way, and dies with it.
        options = f"--port {port} --bind 127.0.0.1 --dir {self.home} --appendonly yes --appendfsync always"
        command = [server_binary(), *options.split(), "--save", "", "--maxmemory-policy", "noeviction"]
        return Part("Redis", command, self.home / "redis.log", lambda: _pings(port))

    def _postgresql(self, home: Path) -> Part:
        user = SERVER_USER if os.geteuid() == 0 else None
        options = ["-k", home, "-c", "listen_addresses=", "-c", "max_connections=200"]
        command = [programs() / "postgres", "-D", home / "data", *options]
        # SIGINT: its "fast" shutdown, which waits for nobody.
        return Part("PostgreSQL", command, home / "log", lambda: _connects(home), user=user, ending=signal.SIGINT)

    def _app(self, number: int) -> Part:
        port, ini = self._app_ports[number], self.home / f"app{number}.ini"
        written = RawConfigParser()
        written.optionxform = str  # type: ignore[method-assign,assignment]
        written.read(ROOT / "production.ini")
        for key, value in CHANGES.items():
            written.set("app:main", key, value)
        written.set("server:main", "listen", f"127.0.0.1:{port}")
        with ini.open("w") as file:
            written.write(file)
        command = [Path(sys.prefix) / "bin" / "pserve", ini]
        return Part(f"app {number}", command, self.home / f"app{number}.log", lambda: is_ready(port))


@contextmanager
def running_world(seed: int) -> Iterator[World]:
    """Start all parts, with tables but without rows; end them and throw everything away. Raises BenchmarkError."""
    missing = postgresql_is_missing()
    if missing:
        raise BenchmarkError(missing)
    with ExitStack() as stack:
        home, postgresql_home = (Path(stack.enter_context(_folder(name))) for name in ("soak-", "soak-pg-"))
        if os.geteuid() == 0:
            shutil.chown(postgresql_home, SERVER_USER)
        initialise(postgresql_home)
        world = World(home, postgresql_home, seed)
        for part in (world.redis, world.postgresql, world.proxy.part, *world.apps):
            stack.callback(part.stop)
        for part in (world.redis, world.postgresql):
            part.start()
            part.wait()
        with psycopg.connect(host=str(postgresql_home), user=OWNER, dbname="postgres", autocommit=True) as server:
            server.execute(f"CREATE DATABASE {DATABASE}")
        yield world


def _folder(prefix: str) -> tempfile.TemporaryDirectory[str]:
    # A socket's path may have 107 bytes, not more.
    return tempfile.TemporaryDirectory(prefix=prefix, dir="/tmp", ignore_cleanup_errors=True)


def _pings(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(64).startswith(b"+PONG")


def _connects(home: Path) -> bool:
    try:
        psycopg.connect(host=str(home), user=OWNER, dbname="postgres", connect_timeout=1).close()
    except psycopg.OperationalError:
        return False
    return True
