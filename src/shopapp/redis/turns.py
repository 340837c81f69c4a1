"""How long a request waits for Redis in all, and how many requests may wait for a slow one at a time. Knows no redis.

Redis answers within a millisecond, so most of this is for the day when it does not: then the few that may wait are
fewer than the server's threads, and what needs no Redis goes on.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

SLOW_SECONDS = 0.1
"""An answer that takes longer is waited for in one of the places. So soon, too, who waits sees that others gave up."""


class NoPlaceError(Exception):
    """As many wait for a slow Redis as may."""


class Places:
    """So many threads may wait for a slow Redis at a time: of one process, whichever node they wait for."""

    def __init__(self, number: int) -> None:
        self._free, self._lock = threading.BoundedSemaphore(number), threading.Lock()
        self._number, self._taken = number, 0

    @property
    def are_taken(self) -> bool:
        """Whether there is no place left: a glance, without a lock."""
        return self._taken >= self._number

    @contextmanager
    def one(self, patience: float = 0.0) -> Iterator[None]:
        """Hold a place; wait for one no longer than ``patience``. Raises NoPlaceError."""
        if not self._free.acquire(timeout=patience):
            raise NoPlaceError
        with self._lock:
            self._taken += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken -= 1
            self._free.release()


@dataclass(slots=True)
class Turn:
    """One request: the seconds that it may wait for Redis in all (None: no limit), and those that it has."""

    budget: float | None
    places: Places | None
    spent: float = 0.0

    @property
    def left(self) -> float | None:
        """Seconds that are left; None: no limit."""
        return None if self.budget is None else self.budget - self.spent


class _Here(threading.local):
    depth = 0
    turn: Turn | None = None


here = _Here()
"""Of this thread: how deep it is in commands that are watched, and whose turn it is."""


def take_turn(turn: Turn, answer: Callable[[Any], Any], request: Any) -> Any:
    """Return the answer to a request; what this thread waits for Redis meanwhile counts for ``turn``."""
    before, here.turn = here.turn, turn
    try:
        return answer(request)
    finally:
        here.turn = before


@contextmanager
def no_turn() -> Iterator[None]:
    """Have it count for nobody, and be watched all the same: for threads that look whether a node is back."""
    depth, before = here.depth, here.turn
    here.depth, here.turn = depth + 1, None
    try:
        yield
    finally:
        here.depth, here.turn = depth, before
