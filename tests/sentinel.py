"""Fixture: a primary and two replicas under three Sentinels, from the embedded server's binary. Loaded as a plugin."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shopapp.valkey import server_binary

SERVICE = "mymaster"
DOWN_AFTER_MILLISECONDS = 800
PERIODS = ("ping-period", 100, "info-period", 200, "publish-period", 200)
"""In milliseconds, how often they look at the servers and speak to each other: a second, ten and two are too seldom."""
PATIENCE_SECONDS = 20


class Watched:
    """Three servers, of which one is the primary, and three Sentinels that watch them; or ``each`` another number.

    The Sentinels know the first at the port ``known_at``, if that is another one.
    """

    def __init__(self, directory: Path, each: int = 3, *, known_at: int = 0) -> None:
        self._directory, self._each, self._known_at = directory, each, known_at
        self.ports, self.sentinel_ports = free_ports(each), free_ports(each)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all, and wait until each Sentinel knows of both replicas and of both others."""
        first, *others = self.ports
        for port in self.ports:
            self._start_server(port, *([] if port == first else ["--replicaof", f"127.0.0.1 {first}"]))
        wait_for(lambda: ask(first, "PING"), "servers")
        for port in others:
            wait_for(lambda port=port: ask(port, "INFO")["master_link_status"] == "up", "replicas")
        for port in self.sentinel_ports:
            config = self._directory / f"sentinel{port}.conf"
            config.write_text(
                f"sentinel monitor {SERVICE} 127.0.0.1 {self._known_at or first} {(self._each + 1) // 2}\n"
                f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MILLISECONDS}\n"
                f"sentinel failover-timeout {SERVICE} 1000\n"
                f"sentinel parallel-syncs {SERVICE} 2\n"
            )
            self._start(port, "--sentinel", first=(str(config),))
        for port in self.sentinel_ports:
            wait_for(lambda port=port: ask(port, "SENTINEL DEBUG", *PERIODS), "Sentinels")
        for port in self.sentinel_ports:
            wait_for(lambda port=port: self._knows_all(port), "Sentinels")

    def url(self, options: str = "", credentials: str = "") -> str:
        """What a shop is told."""
        seeds = ",".join(f"127.0.0.1:{port}" for port in self.sentinel_ports)
        return f"redis+sentinel://{credentials}{seeds}/{SERVICE}/0{options}"

    def primary(self) -> int:
        """The port of the primary, as the Sentinels have it."""
        with at_port(self.sentinel_ports[0]) as sentinel:
            return int(sentinel.sentinel_get_master_addr_by_name(SERVICE)[1])

    def has_primary(self, other_than: int, replicas: int) -> bool:
        """Whether the Sentinels have another primary by now, with so many replicas that are up to date."""
        try:
            port = self.primary()
            with at_port(port) as client:
                found = client.info("replication")
        except redis.RedisError:
            return False
        online = [found.get(f"slave{number}", {}).get("state") == "online" for number in range(2)]
        return port != other_than and found["role"] == "master" and sum(online) >= replicas

    def send(self, port: int, number: int) -> None:
        """Send a signal to a server or a Sentinel; wait for its end if it is deadly."""
        self._processes[port].send_signal(number)
        if number == signal.SIGKILL:
            self._processes[port].wait()

    def repair(self) -> None:
        """Wake and restart all, and wait until there is one primary, whose two replicas are up to date."""
        for port, process in self._processes.items():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
            else:
                self._start_server(port, "--replicaof", f"127.0.0.1 {self.primary()}")
        wait_for(lambda: self.has_primary(other_than=0, replicas=2), "replicas")
        for port in self.sentinel_ports:
            wait_for(lambda port=port: self._knows_all(port), "Sentinels")

    def stop(self) -> None:
        """End all."""
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _start_server(self, port: int, *arguments: str) -> None:
        self._start(port, "--save", "", "--repl-diskless-sync-delay", "0", *arguments)

    def _start(self, port: int, *arguments: str, first: tuple[str, ...] = ()) -> None:
        words = [*first, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(self._directory), *arguments]
        log = (self._directory / f"{port}.log").open("ab")
        with log:
            self._processes[port] = subprocess.Popen(
                [server_binary(), *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _knows_all(self, port: int) -> bool:
        with at_port(port) as sentinel:
            found = sentinel.sentinel_masters().get(SERVICE, {})
            replicas = sentinel.sentinel_slaves(SERVICE)
        healthy = [one for one in replicas if not (one["is_sdown"] or one["is_odown"] or one["is_disconnected"])]
        return (
            found.get("num-other-sentinels") == self._each - 1
            and not found.get("is_sdown")
            and len([one for one in healthy if one.get("master-link-status") == "ok"]) == self._each - 1
        )


def at_port(port: int) -> redis.Redis:
    """A client that asks once, and not for long."""
    return redis.Redis(port=port, socket_timeout=0.5, retry=Retry(NoBackoff(), 0))


def ask(port: int, *command: str | int) -> Any:
    """Send one command to a server, and return its answer."""
    with at_port(port) as client:
        return client.execute_command(*command)


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens at."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def wait_for(done: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> float:
    """Wait until it is so, and return how long that took."""
    started = time.monotonic()
    while True:
        try:
            if done():
                return time.monotonic() - started
        except redis.RedisError:
            pass
        assert time.monotonic() < started + seconds, f"the {what} do not come up"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def watched_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Servers under Sentinels, shared by the tests of a module."""
    found = Watched(tmp_path_factory.mktemp("sentinel"))
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.fixture
def watched(watched_servers: Watched) -> Watched:
    """The same, with all of them there, whatever the test before has done to them."""
    watched_servers.repair()
    return watched_servers
