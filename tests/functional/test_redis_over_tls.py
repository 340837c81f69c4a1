"""Redis over TLS with a private authority: one server, a cluster and Sentinels, by the URLs of docs/settings.md."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster import SLOTS, node_ports, start_node
from sentinel import Watched, ask, wait_for
from shopapp.redis import StoreUnavailable, connect, unavailable_on_error
from tls import Authority, TlsProxy

Proxies = Callable[..., TlsProxy]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody trusts who is not told to."""
    return Authority(tmp_path_factory.mktemp("authority") / "ours")


@pytest.fixture
def proxy(authority: Authority) -> Iterator[Proxies]:
    """A function that makes a port with TLS, whose certificate is for those names."""
    made: list[TlsProxy] = []

    def make(names: str = "IP:127.0.0.1") -> TlsProxy:
        made.append(TlsProxy(authority.context(names)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """A function that starts a node of a cluster with all slots, and returns its port."""
    started = []

    def start(**options: object) -> int:
        (port,) = node_ports(1)
        started.append(start_node(port, tmp_path, **options))
        wait_for(lambda: ask(port, "PING"), "node")
        ask(port, "CLUSTER ADDSLOTSRANGE", 0, SLOTS - 1)
        wait_for(lambda: ask(port, "CLUSTER INFO")["cluster_state"] == "ok", "cluster")
        return port

    yield start
    for process in started:
        process.kill()
        process.wait()


def works(url: str) -> bool:
    with connect(url) as client, unavailable_on_error(client):
        return bool(client.set("key", "value") and client.get("key") == b"value")


def test_a_cluster_is_reached_over_tls_at_each_of_its_nodes(
    authority: Authority, proxy: Proxies, node: Callable[..., int]
) -> None:
    outside = proxy()
    outside.lead_to(node(**{"cluster-announce-port": outside.port}))

    assert works(f"rediss+cluster://127.0.0.1:1,127.0.0.1:{outside.port}/?ssl_ca_certs={authority.certificate}")
    assert outside.opened >= 2  # to ask for the nodes, and to the node that is told


def test_sentinels_and_the_primary_that_they_name_are_reached_over_tls(
    authority: Authority, proxy: Proxies, tmp_path: Path
) -> None:
    before_sentinel, before_primary = proxy(), proxy()
    watched = Watched(tmp_path, each=1, known_at=before_primary.port)
    before_primary.lead_to(watched.ports[0])
    before_sentinel.lead_to(watched.sentinel_ports[0])
    try:
        watched.start()

        seeds = f"127.0.0.1:1,127.0.0.1:{before_sentinel.port}"
        assert works(f"rediss+sentinel://{seeds}/mymaster/0?ssl_ca_certs={authority.certificate}")
    finally:
        watched.stop()

    assert (before_sentinel.opened, before_primary.opened) == (1, 1)


def test_a_server_is_believed_only_with_the_right_name_and_the_right_authority(
    authority: Authority, proxy: Proxies, shop_valkey: str
) -> None:
    right, wrong = proxy(), proxy("DNS:other.example")
    right.lead_to(shop_valkey.removeprefix("unix://"))
    wrong.lead_to(shop_valkey.removeprefix("unix://"))
    trusting = f"?ssl_ca_certs={authority.certificate}"

    assert works(f"rediss://127.0.0.1:{right.port}/0{trusting}")
    for url in f"rediss://127.0.0.1:{right.port}/0", f"rediss://127.0.0.1:{wrong.port}/0{trusting}":
        with pytest.raises(StoreUnavailable, match="certificate verify failed"):
            works(url)
