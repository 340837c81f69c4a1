"""Counting tries in Redis: each one, in one atomic step, and forgetting them again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import time_machine

from shopapp.throttle.buckets import Allowance, Bucket, Wait, forget, give_back, take

TEN = Allowance(10)
ONE, AROUND = Bucket("throttle:{a}:one", TEN), Bucket("throttle:{a}", Allowance(30))


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel("2026-11-24 12:00:00+00:00", tick=False) as travel:
        yield travel


def waits(client: Any, *buckets: Bucket, times: int = 1) -> list[int]:
    """Take so many times; return for how long each had to wait, 0 if it was counted."""
    return [wait.seconds if wait else 0 for wait in (take(client, buckets) for _ in range(times))]


def test_tries_at_the_same_time_all_count(any_redis: Any) -> None:
    barrier = Barrier(40)

    def rush(_number: int) -> int | None:
        barrier.wait()
        wait = take(any_redis, [ONE, AROUND])
        return wait.index if wait else None

    with ThreadPoolExecutor(40) as pool:
        refused_by = list(pool.map(rush, range(40)))

    assert refused_by.count(None) == 10
    assert refused_by.count(0) == 30


def test_each_further_try_waits_twice_as_long_up_to_the_longest(shop_redis: Any, clock: Any) -> None:
    waits(shop_redis, ONE, times=10)
    seen = []
    for _ in range(12):
        (wait,) = waits(shop_redis, ONE)
        seen.append(wait)
        clock.shift(wait)
        assert waits(shop_redis, ONE) == [0]

    # Some tries are forgotten meanwhile, ten in an hour, so that it does not double for ever.
    assert seen[:6] == [2, 4, 8, 16, 32, 64]
    assert max(seen) <= 900
    assert sum(seen) > 1500  # for twelve tries


def test_who_comes_too_early_waits_no_longer_for_it(shop_redis: Any, clock: Any) -> None:
    waits(shop_redis, ONE, times=10)

    assert waits(shop_redis, ONE, times=50) == [2] * 50
    clock.shift(2)
    assert waits(shop_redis, ONE) == [0]


def test_tries_are_forgotten_in_an_hour_and_so_are_their_keys(shop_redis: Any, clock: Any) -> None:
    waits(shop_redis, ONE, times=10)
    assert 3500 < shop_redis.ttl(ONE.key) <= 3600

    clock.shift(3600)
    assert waits(shop_redis, ONE, times=10) == [0] * 10
    assert waits(shop_redis, ONE) == [2]


def test_where_one_has_to_wait_none_is_counted(shop_redis: Any, clock: Any) -> None:
    waits(shop_redis, ONE, times=10)
    before = shop_redis.hget(ONE.key, "level")

    assert take(shop_redis, [AROUND, ONE]) == Wait(1, 2, is_first=True)
    assert take(shop_redis, [AROUND, ONE]) == Wait(1, 2, is_first=False)
    assert shop_redis.exists(AROUND.key) == 0
    assert shop_redis.hget(ONE.key, "level") == before


def test_a_try_that_is_given_back_was_none(shop_redis: Any, clock: Any) -> None:
    for _ in range(30):
        assert waits(shop_redis, ONE, AROUND) == [0]
        give_back(shop_redis, [ONE, AROUND])
    assert shop_redis.keys() == []

    waits(shop_redis, ONE, times=10)
    give_back(shop_redis, [ONE])
    assert waits(shop_redis, ONE, times=2) == [0, 2]
    forget(shop_redis, [ONE])
    assert waits(shop_redis, ONE, times=10) == [0] * 10


@pytest.mark.parametrize("rubbish", ["a text", {"level": "x", "at": "", "until": "soon"}, {"until": 9e15}])
def test_rubbish_and_a_clock_that_was_set_back_keep_nobody_out_for_long(
    shop_redis: Any, clock: Any, rubbish: Any
) -> None:
    if isinstance(rubbish, dict):
        shop_redis.hset(ONE.key, mapping=rubbish)
    else:
        shop_redis.set(ONE.key, rubbish)

    assert waits(shop_redis, ONE)[0] <= TEN.last
    give_back(shop_redis, [ONE])


def test_the_longest_wait_after_a_clock_was_set_back_ends(shop_redis: Any, clock: Any) -> None:
    clock.shift(6 * 3600)
    waits(shop_redis, ONE, times=10)
    clock.shift(-6 * 3600)

    assert waits(shop_redis, ONE) == [900]
    clock.shift(600)
    assert waits(shop_redis, ONE) == [300]
    clock.shift(300)
    assert waits(shop_redis, ONE) == [0]


def test_a_try_that_was_on_its_way_for_longer_is_not_too_early(shop_redis: Any, clock: Any) -> None:
    waits(shop_redis, ONE)
    clock.shift(-1)

    assert waits(shop_redis, ONE, times=8) == [0] * 8
