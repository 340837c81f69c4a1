"""The primary of a Redis under Sentinels is lost while fifty people fill carts and sign in.

FAILOVERS=10 in the environment has each happen so often, and others whose loss is measured; `pytest -s` prints them.
"""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import sessionmaker

import shopapp
from buying import MUG, set_product
from crowd import CLIENTS, WAITING, Crowd, until
from sentinel import Watched, ask
from shopapp.cart.copies import Copies
from shopapp.cart.ids import CartId
from shopapp.cart.store import CartStore
from shopapp.redis import StoreUnavailable, connect, unavailable_on_error

TIMES = int(os.environ.get("FAILOVERS", "1"))
AFTERWARDS_SECONDS = 1.0
"""How long after the failover somebody may still be refused."""
NOISE_SECONDS = 1.0
"""For a busy machine, on which fifty people and six servers share two processors."""
FAILOVER_SECONDS = 40
"""Far more than Sentinels take, also if they have to vote again and again: how long that is, is not what is tested."""


@pytest.fixture
def shop_on(shop_settings: dict[str, Any], watched: Watched) -> Callable[[int], Any]:
    """A function that makes the shop on those servers, with so many replicas to wait for."""
    set_product(shop_settings, stock=100_000)

    def make(min_replicas: int) -> Any:
        settings = {key: value for key, value in shop_settings.items() if not key.endswith("redis_client_callable")}
        watched_redis = {"redis.sessions.redis_url": watched.url(), "redis.min_replicas": str(min_replicas)}
        return shopapp.main({}, **{**settings, **watched_redis, **WAITING})

    return make


def stopped_by(watched: Watched, fault: Callable[[int], None], app: Any, replicas: int) -> tuple[Crowd, float, float]:
    """Have the fault happen under load; return who was there, how long the failover took, and how long it was felt."""
    crowd, old = Crowd(app), watched.primary()
    with crowd.at_work():
        until(lambda: len(crowd.served) >= 2 * CLIENTS)
        fault(old)
        began = done = time.monotonic()
        # A failover may be followed by another one: Sentinels on a busy machine are easily alarmed.
        while time.monotonic() < done + AFTERWARDS_SECONDS + NOISE_SECONDS + 0.5:
            if not watched.has_primary(other_than=old, replicas=replicas):
                done = time.monotonic()
            assert done < began + FAILOVER_SECONDS, "there is no failover"
            time.sleep(0.02)
    return crowd, done - began, crowd.refused_until(began)


def cut_off_and_kill(watched: Watched) -> Callable[[int], None]:
    """Kill the primary, after a moment in which nothing reached its replicas any more."""

    def fault(primary: int) -> None:
        replicas = [port for port in watched.ports if port != primary]
        for port in replicas:
            watched.send(port, signal.SIGSTOP)
        ask(primary, "CLIENT KILL", "TYPE", "replica")
        time.sleep(0.3)
        watched.send(primary, signal.SIGKILL)
        for port in replicas:
            watched.send(port, signal.SIGCONT)

    return fault


def kill(watched: Watched) -> Callable[[int], None]:
    """Kill the primary."""
    return lambda primary: watched.send(primary, signal.SIGKILL)


def judge(crowd: Crowd, took: float, felt: float, what: str) -> None:
    print(f"{what}: failover {took:.2f} s, refused until {felt:.2f} s, {crowd.acknowledged} acknowledged")
    assert crowd.odd == []
    assert felt <= took + AFTERWARDS_SECONDS + NOISE_SECONDS
    assert crowd.refused, "nobody noticed: that was no fault"


@pytest.mark.parametrize("_time", range(TIMES))
def test_a_primary_that_is_killed_takes_nothing_along_that_a_replica_has_acknowledged(
    watched: Watched, shop_on: Callable[[int], Any], _time: int
) -> None:
    crowd, took, felt = stopped_by(watched, cut_off_and_kill(watched), shop_on(1), replicas=1)

    judge(crowd, took, felt, "killed")
    assert crowd.lost() == 0


@pytest.mark.parametrize("_time", range(TIMES))
def test_a_primary_that_froze_and_wakes_gets_no_write_of_anybody(
    watched: Watched, shop_on: Callable[[int], Any], _time: int
) -> None:
    old = watched.primary()
    app = shop_on(1)
    with connect(watched.url()) as idle:  # another process, which asks for nothing meanwhile
        idle.set("idle", 1)

        crowd, took, felt = stopped_by(watched, lambda port: watched.send(port, signal.SIGSTOP), app, replicas=1)
        watched.send(old, signal.SIGCONT)  # it takes itself for the primary until a Sentinel tells it
        idle.set("idle", 2)

        judge(crowd, took, felt, "frozen")
        assert crowd.lost() == 0
        watched.repair()
        assert idle.get("idle") == b"2"


if "FAILOVERS" in os.environ:

    @pytest.mark.parametrize("_time", range(TIMES))
    @pytest.mark.parametrize("fault", [kill, cut_off_and_kill])
    def test_without_waiting_for_replicas_something_may_be_lost(
        watched: Watched, shop_on: Callable[[int], Any], fault: Callable[[Watched], Callable[[int], None]], _time: int
    ) -> None:
        crowd, took, felt = stopped_by(watched, fault(watched), shop_on(0), replicas=0)

        judge(crowd, took, felt, fault.__name__)
        print(f"  lost: {crowd.lost()}")


def test_a_write_that_too_few_replicas_have_is_an_outage(watched: Watched) -> None:
    client = connect(watched.url(), min_replicas=3)

    with client, pytest.raises(StoreUnavailable) as caught, unavailable_on_error(client):
        client.set("key", "value")

    assert str(caught.value) == "NOREPLICAS 2 of 3 replicas have the write"


def test_an_add_that_is_sent_again_waits_for_the_replicas_that_the_first_did_not_reach(watched: Watched) -> None:
    cart, primary = CartId.of_session("of a visitor"), watched.primary()
    for port in watched.ports:
        if port != primary:
            watched.send(port, signal.SIGSTOP)

    for _ in range(2):  # each on a connection of its own, as it is with several processes
        client = connect(watched.url(), min_replicas=1, socket_timeout=0.4)
        with client, pytest.raises(StoreUnavailable, match="NOREPLICAS"):
            CartStore(client, 10, 10, Copies(sessionmaker())).add(cart, MUG, 1, stock=5, press="press")

    watched.repair()
