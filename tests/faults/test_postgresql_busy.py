"""PostgreSQL that is well, and all connections of a process in use: who comes next waits for one of them."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from shopapp.db import DatabaseUnavailable
from shopapp.db.engines import Use, create_serving_engine, make_watch
from shopapp.db.watch import ANSWER_SECONDS, Watch
from shopapp.settings.shop import ShopSettings


class Process:
    """What a process has: one watch, and an engine for each use."""

    def __init__(self, url: str) -> None:
        self._shop = ShopSettings(database_url=url, database_connections=7)
        self.watch: Watch = make_watch(self._shop)
        self._engines: dict[Use, Engine] = {}
        self._threads: list[threading.Thread] = []

    def engine(self, use: Use) -> Engine:
        if use not in self._engines:
            self._engines[use] = create_serving_engine(self._shop, self.watch, use)
        return self._engines[use]

    def occupy(self, use: Use, seconds: float) -> None:
        """Have each connection of that use busy for so long."""
        engine = self.engine(use)
        begun = threading.Barrier(engine.pool.size() + 1)  # type: ignore[attr-defined]

        def run() -> None:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
                begun.wait(10)
                connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})

        threads = [threading.Thread(target=run) for _ in range(begun.parties - 1)]
        for thread in threads:
            thread.start()
        self._threads += threads
        begun.wait(10)

    def ask(self, use: Use) -> tuple[bool, float]:
        """Return whether somebody who comes now is served, and after how many seconds that is known."""
        began = time.monotonic()
        try:
            with self.engine(use).connect() as connection:
                connection.execute(text("SELECT 1"))
        except DatabaseUnavailable:
            return False, time.monotonic() - began
        return True, time.monotonic() - began

    def close(self) -> None:
        for thread in self._threads:
            thread.join()
        self.watch.stop()
        for engine in self._engines.values():
            engine.dispose()


@pytest.fixture
def process(postgresql_url: str) -> Iterator[Process]:
    process = Process(postgresql_url)
    yield process
    process.close()


@pytest.mark.parametrize("use", ["transactions", "reads"])
def test_who_comes_waits_until_one_is_free(process: Process, use: Use) -> None:
    process.occupy(use, ANSWER_SECONDS * 0.6)

    with ThreadPoolExecutor(6) as people:
        served = [is_served for is_served, _ in people.map(lambda _: process.ask(use), range(6))]

    assert served == [True] * 6


def test_those_of_one_use_say_nothing_of_those_of_another(process: Process) -> None:
    process.occupy("transactions", ANSWER_SECONDS * 2)
    assert process.ask("transactions")[0] is False  # all wait in vain

    process.occupy("reads", ANSWER_SECONDS * 0.4)

    assert process.ask("reads")[0] is True


def test_who_comes_while_all_wait_in_vain_is_refused_after_a_second_and_the_next_at_once(process: Process) -> None:
    process.occupy("transactions", ANSWER_SECONDS * 2.5)

    first, second = process.ask("transactions"), process.ask("transactions")

    assert (first[0], second[0]) == (False, False)
    assert first[1] > ANSWER_SECONDS * 0.9
    assert second[1] < ANSWER_SECONDS / 2
    assert not process.watch.away
    process.close()
    assert process.ask("transactions")[0] is True
