"""Many requests change the same value of a session, on real servers: the cart of examples/minimal, a dict.

With pyramid_retry each counts. Without it the later wins, and no loss goes untold; or the later is refused.

``MINIMAL_ROUNDS=20`` has each of the long tests run so many times.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from interleaving import together
from minimal_site import Browser, Site, sites

ROUNDS = int(os.environ.get("MINIMAL_ROUNDS", "2"))
THREADS, ADDS = 8, 50
ALL = THREADS * ADDS

RETRY_OFF = {"retry.attempts": 1}
"""As if pyramid_retry were not there: the first attempt is the last."""

Start = Callable[..., list[Site]]


@pytest.fixture(scope="module")
def start(shop_valkey: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start so many processes of the app, with other settings than its own if any are given, for all tests here."""
    with ExitStack() as stack:
        started: dict[str, list[Site]] = {}

        def start_or_reuse(count: int, settings: dict[str, Any] | None = None) -> list[Site]:
            kind = f"{count} {settings}"
            if kind not in started:
                directory = tmp_path_factory.mktemp("sites")
                started[kind] = stack.enter_context(sites(shop_valkey, directory, count, **settings or {}))
            return started[kind]

        yield start_or_reuse


def visitor_with_a_cart(site: Site) -> Browser:
    """Return a browser whose session exists. Two first visits at once would be two sessions."""
    visitor = Browser(site)
    visitor.post("/cart/other")
    return visitor


def add_together(running: list[Site], cookie: str, threads: int = THREADS, adds: int = ADDS) -> Counter[int]:
    """Add mugs in so many threads, which all have the same cookie; return how often which status was answered."""

    def add_many(number: int) -> Counter[int]:
        with Browser(running[number % len(running)], cookie) as browser:
            return Counter(browser.post("/cart/mug")[0] for _ in range(adds))

    return sum(together(threads, add_many), Counter())


def mugs(visitor: Browser) -> int:
    return visitor.get("/")[1]["cart"].get("mug", 0)


def conflicts_told(running: list[Site]) -> int:
    return sum(len(re.findall(r"event=SessionConflict\b", site.log)) for site in running)


@pytest.mark.parametrize("processes", [1, 2])
def test_with_pyramid_retry_every_add_counts(start: Start, processes: int) -> None:
    running = start(processes)
    for _ in range(ROUNDS):
        with visitor_with_a_cart(running[0]) as visitor:
            assert add_together(running, visitor.cookie) == {200: ALL}
            assert (mugs(visitor), conflicts_told(running)) == (ALL, 0)


@pytest.mark.parametrize("processes", [1, 2])
def test_without_it_of_two_adds_at_the_same_moment_one_counts_and_the_conflict_is_told(
    start: Start, processes: int
) -> None:
    running = start(processes, RETRY_OFF)
    before = conflicts_told(running)
    with visitor_with_a_cart(running[0]) as visitor:
        for _ in range(ADDS):
            assert add_together(running, visitor.cookie, threads=2, adds=1) == {200: 2}

        assert mugs(visitor) < 2 * ADDS
        assert mugs(visitor) + conflicts_told(running) - before == 2 * ADDS


@pytest.mark.parametrize("processes", [1, 2])
def test_without_it_no_add_is_lost_untold(start: Start, processes: int) -> None:
    """One that comes late may take several others' adds away, so there are fewer conflicts than lost adds."""
    running = start(processes, RETRY_OFF)
    before = conflicts_told(running)
    with visitor_with_a_cart(running[0]) as visitor:
        assert add_together(running, visitor.cookie) == {200: ALL}

        assert mugs(visitor) == ALL or conflicts_told(running) > before


@pytest.mark.parametrize("processes", [1, 2])
def test_where_conflicts_are_errors_an_add_counts_or_is_refused(start: Start, processes: int) -> None:
    running = start(processes, {**RETRY_OFF, "redis.sessions.conflict": "error"})
    for _ in range(ROUNDS):
        with visitor_with_a_cart(running[0]) as visitor:
            answers = add_together(running, visitor.cookie)

            assert set(answers) <= {200, 409}
            assert mugs(visitor) == answers[200]
    assert conflicts_told(running) == 0
