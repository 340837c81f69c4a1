"""A cluster loses a primary, and slots move from one node to another, while fifty people fill carts and sign in."""

import time
from typing import Any

import shopapp
from buying import set_product
from cluster import Cluster
from crowd import CLIENTS, WAITING, Crowd, until

AFTERWARDS_SECONDS = 2.0
"""How long after the failover somebody may still be refused: a second, and another one for a busy machine."""


def shop_on(cluster: Cluster, shop_settings: dict[str, Any]) -> Any:
    """Make the shop on the cluster, of whose nodes it is told two, the first of them one that is not there."""
    set_product(shop_settings, stock=100_000)
    settings = {key: value for key, value in shop_settings.items() if not key.endswith("redis_client_callable")}
    url = f"redis+cluster://127.0.0.1:1,127.0.0.1:{cluster.ports[1]}/"
    return shopapp.main({}, **{**settings, "redis.sessions.redis_url": url, **WAITING})


def test_a_primary_that_is_lost_is_replaced_and_its_moved_slots_are_all_there(
    own_cluster: Cluster, shop_settings: dict[str, Any]
) -> None:
    first, second, _, replica = own_cluster.ports
    crowd = Crowd(shop_on(own_cluster, shop_settings))

    with crowd.at_work():
        until(lambda: len(crowd.served) >= 2 * CLIENTS)

        began = time.monotonic()
        moved = own_cluster.move_slots_with_keys(second, first)
        done = time.monotonic()
        until(lambda: time.monotonic() > done + 1.0)
        felt = crowd.refused_until(began)
        print(f"{moved} slots moved in {done - began:.2f} s, {len(crowd.refused)} refused, until {felt:.2f} s")
        assert moved > 10
        assert felt <= done - began + 0.5

        killed = time.monotonic()
        own_cluster.kill(first)
        took = until(lambda: own_cluster.knows_as(second, replica, "master")) - killed
        until(lambda: time.monotonic() > killed + took + AFTERWARDS_SECONDS + 0.5)

    felt = crowd.refused_until(killed)
    print(f"failover {took:.2f} s, refused until {felt:.2f} s, {crowd.acknowledged} acknowledged")
    assert crowd.odd == []
    assert 0 < felt <= took + AFTERWARDS_SECONDS
    assert crowd.lost() == 0
