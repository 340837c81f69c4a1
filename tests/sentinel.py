"""Fixture: a primary and two replicas under three Sentinels, from the embedded server's binary. Loaded as a plugin."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from shopapp.valkey import server_binary

SERVICE = "mymaster"
DOWN_AFTER_MILLISECONDS = 500
PATIENCE_SECONDS = 20
USER, PASSWORD = "sentinel-user", "of the sentinels"


class Watched:
    """Three servers, of which one is the primary, and three Sentinels that watch them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.ports, self.sentinel_ports = free_ports(3), free_ports(3)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all, and wait until each Sentinel knows of both replicas and of both others."""
        first, *others = self.ports
        for port in self.ports:
            self._start_server(port, *([] if port == first else ["--replicaof", f"127.0.0.1 {first}"]))
        for port in self.ports:
            wait_for(lambda port=port: redis.Redis(port=port).ping(), "servers")
        for port in others:
            wait_for(lambda port=port: redis.Redis(port=port).info()["master_link_status"] == "up", "replicas")
        for port in self.sentinel_ports:
            config = self._directory / f"sentinel{port}.conf"
            config.write_text(
                f"sentinel monitor {SERVICE} 127.0.0.1 {first} 2\n"
                f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MILLISECONDS}\n"
                f"sentinel failover-timeout {SERVICE} 3000\n"
                f"sentinel parallel-syncs {SERVICE} 2\n"
            )
            self._start(port, "--sentinel", first=(str(config),))
        for port in self.sentinel_ports:
            wait_for(lambda port=port: redis.Redis(port=port).ping(), "Sentinels")
            # They look around every ten seconds, and speak to each other every two: too seldom for a test.
            redis.Redis(port=port).execute_command("SENTINEL DEBUG", "info-period", 200, "publish-period", 200)
        for port in self.sentinel_ports:
            wait_for(lambda port=port: self._knows_all(port), "Sentinels")

    def url(self, options: str = "", credentials: str = "") -> str:
        """What a shop is told."""
        seeds = ",".join(f"127.0.0.1:{port}" for port in self.sentinel_ports)
        return f"redis+sentinel://{credentials}{seeds}/{SERVICE}/0{options}"

    def primary(self) -> int:
        """The port of the primary, as the Sentinels have it."""
        return int(redis.Redis(port=self.sentinel_ports[0]).sentinel_get_master_addr_by_name(SERVICE)[1])

    def send(self, port: int, number: int) -> None:
        """Send a signal to a server or a Sentinel; wait for its end if it is deadly."""
        self._processes[port].send_signal(number)
        if number == signal.SIGKILL:
            self._processes[port].wait()

    def restart(self, port: int) -> None:
        """Start a server again that was killed: without data, until the Sentinels have told it whose replica it is."""
        self._start_server(port)
        self.settle()

    def settle(self) -> None:
        """Wait until all is as it should be again: one primary, which has two replicas that are up to date."""

        def has_both() -> bool:
            found = redis.Redis(port=self.primary()).info("replication")
            up = [found.get(f"slave{number}", {}).get("state") == "online" for number in range(2)]
            return found["role"] == "master" and all(up)

        wait_for(has_both, "replicas")
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
        with redis.Redis(port=port) as sentinel:
            found = sentinel.sentinel_masters().get(SERVICE, {})
            replicas = sentinel.sentinel_slaves(SERVICE)
        healthy = [one for one in replicas if not (one["is_sdown"] or one["is_odown"] or one["is_disconnected"])]
        return (
            found.get("num-other-sentinels") == 2
            and not found.get("is_sdown")
            and len([one for one in healthy if one.get("master-link-status") == "ok"]) == 2
        )


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
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Servers under Sentinels, shared by the tests of a module; each leaves them as it should find them."""
    found = Watched(tmp_path_factory.mktemp("sentinel"))
    try:
        found.start()
        yield found
    finally:
        found.stop()
