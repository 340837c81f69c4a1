"""Places for those who hash: few at a time, and a short line for them that is fair. Knows no password and no request.

A hash is slow on purpose and takes 64 MiB. Were each thread to make one, a flood of logins would take all threads, all
processors and the memory, and the pages that need no password would wait for them.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from shopapp.http import BusyError

log = logging.getLogger(__name__)

WAIT_SECONDS = 1.0
"""So long does anybody stand in line. With the hash itself it is well under two seconds."""


def usual_number() -> int:
    """Return how many hashes a machine makes at a time: a hash has four lanes, so each keeps two processors busy."""
    return max(1, len(os.sched_getaffinity(0)) // 2 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) // 2)


@dataclass(eq=False)
class _Waiter:
    origin: str
    is_known: bool
    called: threading.Event = field(default_factory=threading.Event)
    is_in: bool = False


class HashPlaces:
    """``at_once`` places, and a line of one more than that. When the line is full, whoever came last of the origin that
    has most in line goes: many from one network do not keep those from elsewhere out. Who is known goes before others.
    """

    def __init__(self, at_once: int) -> None:
        self._lock = threading.Lock()
        self._mine = threading.local()
        self._line: deque[_Waiter] = deque()
        self._taken = 0
        self.at_once = at_once
        self.watcher: Callable[[int, int], None] | None = None
        """Told how many wait and how many hash, whenever that changes. What it raises is logged."""

    @property
    def room(self) -> int:
        """How many threads can be in here at most."""
        return 2 * self.at_once + 1

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    @property
    def taken(self) -> int:
        """How many hash."""
        return self._taken

    @contextmanager
    def place(self, origin: str = "", *, is_known: bool = False) -> Iterator[None]:
        """Have one of the places until the end of the block; whoever has one needs no other. Raises BusyError."""
        if getattr(self._mine, "has_place", False):
            yield
            return
        self._enter(_Waiter(origin, is_known))
        self._mine.has_place = True
        try:
            yield
        finally:
            self._mine.has_place = False
            self._leave()

    def _enter(self, waiter: _Waiter) -> None:
        with self._lock:
            if self._taken < self.at_once and not self._line:
                self._taken += 1
                self._tell()
                return
            known = sum(each.is_known for each in self._line)
            self._line.insert(known if waiter.is_known else len(self._line), waiter)
            if len(self._line) > self.at_once + 1:
                self._send_one_away()
            self._tell()
        waiter.called.wait(WAIT_SECONDS)
        with self._lock:
            if waiter.is_in:
                return
            if waiter in self._line:
                self._line.remove(waiter)
                self._tell()
        raise BusyError

    def _send_one_away(self) -> None:
        origins = [each.origin for each in self._line]
        last = max(reversed(self._line), key=lambda each: (not each.is_known, origins.count(each.origin)))
        self._line.remove(last)
        last.called.set()

    def _leave(self) -> None:
        with self._lock:
            self._taken -= 1
            while self._line and self._taken < self.at_once:
                following = self._line.popleft()
                following.is_in = True
                self._taken += 1
                following.called.set()
            self._tell()

    def _tell(self) -> None:
        if self.watcher is not None:
            try:
                self.watcher(len(self._line), self._taken)
            except Exception:
                log.exception("watcher_failed")


PLACES = HashPlaces(usual_number())
"""Those of this process: all apps in it share its processors."""
