"""A Redis Cluster of three nodes, from the embedded server's binary, and a fixture that is one server or a cluster."""

import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
import redis

from shopapp.testing import ObservedCluster, ObservedRedis
from shopapp.valkey import server_binary

NODES = 3
SLOTS = 16_384
PATIENCE_SECONDS = 20


@pytest.fixture(scope="session")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a running cluster, stopped after the last test."""
    ports = _free_ports()
    nodes = [_start(port, tmp_path_factory.mktemp(f"node{port}")) for port in ports]
    try:
        _join(ports)
        yield f"redis+cluster://127.0.0.1:{ports[0]}"
    finally:
        for node in nodes:
            node.kill()
            node.wait()


@pytest.fixture
def cluster(cluster_url: str) -> Iterator[ObservedCluster]:
    """A client of the cluster, which is empty."""
    client = ObservedCluster.from_url(cluster_url.replace("+cluster", ""))
    client.flushall(target_nodes=client.PRIMARIES)
    client.commands.clear()
    yield client
    client.close()


@pytest.fixture(params=["single", "cluster"])
def any_redis(request: pytest.FixtureRequest) -> ObservedRedis | ObservedCluster:
    """A client of an empty Redis: the test runs once on a single server and once on a cluster."""
    return request.getfixturevalue("shop_redis" if request.param == "single" else "cluster")


def _free_ports() -> list[int]:
    """Ports whose cluster bus port, 10000 higher, is free as well."""
    found: list[int] = []
    while len(found) < NODES:
        with socket.socket() as probe, socket.socket() as bus:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            try:
                bus.bind(("127.0.0.1", port + 10_000))
            except (OSError, OverflowError):
                continue
            found.append(port)
    return found


def _start(port: int, directory: object) -> subprocess.Popen:
    options = {
        "port": port,
        "bind": "127.0.0.1",
        "dir": directory,
        "cluster-enabled": "yes",
        "save": "",
        "appendonly": "no",
    }
    arguments = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    return subprocess.Popen([server_binary(), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _join(ports: list[int]) -> None:
    clients = [redis.Redis(port=port) for port in ports]
    for client in clients:
        _wait(client.ping)
    share = SLOTS // NODES
    for number, client in enumerate(clients):
        last = SLOTS if number == NODES - 1 else (number + 1) * share
        client.execute_command("CLUSTER ADDSLOTSRANGE", number * share, last - 1)
        client.execute_command("CLUSTER MEET", "127.0.0.1", ports[0])
    for client in clients:
        _wait(lambda client=client: client.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
        _wait(lambda client=client: len(client.execute_command("CLUSTER NODES")) == NODES)
        client.close()


def _wait(done: object) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if done():
                return
        except redis.ConnectionError:
            pass
        assert time.monotonic() < deadline, "the cluster does not come up"
        time.sleep(0.02)
