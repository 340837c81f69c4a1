"""A Redis Cluster of three nodes, from the embedded server's binary, and a fixture that is one server or a cluster."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import redis.crc

from shopapp.testing import ObservedCluster, ObservedRedis
from shopapp.valkey import server_binary

NODES = 3
SLOTS = 16_384
PATIENCE_SECONDS = 20
QUICK = {"cluster-node-timeout": 1000, "repl-diskless-sync-delay": 0}


@pytest.fixture(scope="session")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a running cluster, stopped after the last test."""
    ports = node_ports()
    nodes = [start_node(port, tmp_path_factory.mktemp(f"node{port}")) for port in ports]
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


class Cluster:
    """A cluster of its own for a test that breaks it: three primaries, and a replica of the first."""

    def __init__(self, directory: Path) -> None:
        self.ports = node_ports(NODES + 1)
        self._nodes = [start_node(port, directory, **QUICK) for port in self.ports]

    def join(self) -> None:
        """Make a cluster of the nodes, and wait until the replica has all of its primary."""
        *primaries, replica = self.ports
        _join(primaries)
        with redis.Redis(port=replica) as client:
            client.execute_command("CLUSTER MEET", "127.0.0.1", primaries[0])
            _wait(lambda: len(client.execute_command("CLUSTER NODES")) == NODES + 1)
            _wait(lambda: client.execute_command("CLUSTER REPLICATE", self.node_id(primaries[0])))
            _wait(lambda: client.info("replication").get("master_link_status") == "up")
        for port in self.ports:  # whom they ask must know of the replica
            _wait(lambda port=port: self.knows_as(port, replica, "slave"))

    def knows_as(self, port: int, node: int, flag: str) -> bool:
        """Whether the node at a port takes another one for what the flag says, such as ``master`` or ``fail``."""
        with redis.Redis(port=port) as client:
            return flag in client.execute_command("CLUSTER NODES")[f"127.0.0.1:{node}"]["flags"].split(",")

    def node_id(self, port: int) -> str:
        """The name of a node."""
        with redis.Redis(port=port) as client:
            return str(client.execute_command("CLUSTER MYID").decode())

    def kill(self, port: int) -> None:
        """Kill a node."""
        self._nodes[self.ports.index(port)].kill()

    def move_slots_with_keys(self, source: int, target: int) -> int:
        """Move all slots that have keys from one primary to another, with their keys; return how many slots."""
        ids = {port: self.node_id(port) for port in (source, target)}
        with redis.Redis(port=source) as giver, redis.Redis(port=target) as taker:
            slots = sorted({redis.crc.key_slot(key) for key in giver.scan_iter(count=1000)})
            for slot in slots:
                taker.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ids[source])
                giver.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ids[target])
                while keys := giver.execute_command("CLUSTER GETKEYSINSLOT", slot, 100):
                    giver.execute_command("MIGRATE", "127.0.0.1", target, "", 0, 1000, "KEYS", *keys)
                for client in (taker, giver):
                    client.execute_command("CLUSTER SETSLOT", slot, "NODE", ids[target])
        return len(slots)

    def stop(self) -> None:
        """End all nodes."""
        for node in self._nodes:
            node.kill()
            node.wait()


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that the test may break."""
    found = Cluster(tmp_path)
    try:
        found.join()
        yield found
    finally:
        found.stop()


def node_ports(number: int = NODES) -> list[int]:
    """Ports whose cluster bus port, 10000 higher, is free as well."""
    found: list[int] = []
    while len(found) < number:
        with socket.socket() as probe, socket.socket() as bus:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            try:
                bus.bind(("127.0.0.1", port + 10_000))
            except (OSError, OverflowError):
                continue
            found.append(port)
    return found


def start_node(port: int, directory: object, **more: object) -> subprocess.Popen:
    """Start a node that is in no cluster yet. Its port for other nodes is higher by 10000, unless told otherwise."""
    options = {
        "port": port,
        "bind": "127.0.0.1",
        "dir": directory,
        "cluster-enabled": "yes",
        "cluster-config-file": f"nodes{port}.conf",
        "save": "",
        "appendonly": "no",
        **more,
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
        except (redis.ConnectionError, redis.ResponseError, KeyError):
            pass
        assert time.monotonic() < deadline, "the cluster does not come up"
        time.sleep(0.02)
