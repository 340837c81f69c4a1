"""What the requests say: which of them failed, and whether a fault explains it; how long they took; memory."""

import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.soak.faults import Fault
from benchmarks.soak.traffic import NO_ANSWER, Hit
from benchmarks.soak.world import World
from shopapp.accounts.hashing import usual_number

MIB = 2**20
SAMPLE_SECONDS = 0.5
LONG_LIFE_SECONDS = 90.0
"""A process that has lived so long has warmed up by the middle of its life."""
HASH_MIB = 64
MOST_GROWTH_MIB = 24 + HASH_MIB * usual_number()
"""From the second quarter of a process's life to its last. On a busy machine some password is always being hashed."""


@dataclass(frozen=True)
class Failure:
    """A request that failed, and the fault that explains it, if one does."""

    hit: Hit
    fault: Fault | None
    seconds_after: float = 0.0
    """How long after the fault's end it was answered."""


def is_failure(hit: Hit) -> bool:
    """Whether a request failed."""
    return (hit.status == NO_ANSWER or hit.status >= 500) and not hit.is_put_off


def explain(hit: Hit, faults: Iterable[Fault]) -> Failure:
    """Find the fault that allows this failure."""
    for fault in faults:
        allowed = fault.kind.looks_allowed if hit.is_look else fault.kind.allowed
        if hit.status in allowed and hit.ended >= fault.began and hit.began <= fault.ended + fault.kind.tail_seconds:
            return Failure(hit, fault, max(0.0, hit.ended - fault.ended))
    return Failure(hit, None)


def failures(hits: Iterable[Hit], faults: Sequence[Fault]) -> list[Failure]:
    """Return all requests that failed."""
    return [explain(hit, faults) for hit in hits if is_failure(hit)]


def unexplained(found: Iterable[Failure], start: float) -> list[str]:
    """Return a line for each kind of failure that no fault explains."""
    counted = Counter((each.hit.what, each.hit.status) for each in found if each.fault is None)
    first: dict[tuple[str, int], float] = {}
    for each in found:
        first.setdefault((each.hit.what, each.hit.status), each.hit.began - start)
    return [
        f"{number} of {what} failed with {status or 'no answer'} outside of what a fault allows, the first after"
        f" {first[what, status]:.1f} s"
        for (what, status), number in counted.items()
    ]


class Memory(threading.Thread):
    """Looks at the memory of the app's processes, each life of which is told apart."""

    def __init__(self, world: World) -> None:
        super().__init__(name="memory", daemon=True)
        self.world, self.stopped = world, threading.Event()
        self.lives: dict[int, list[tuple[float, float]]] = defaultdict(list)
        """Process id: moment and MiB."""

    def run(self) -> None:
        """Look again and again."""
        while not self.stopped.wait(SAMPLE_SECONDS):
            for app in self.world.apps:
                process = app.process
                if process is not None and (taken := _resident(process.pid)):
                    self.lives[process.pid].append((time.monotonic(), taken))

    def top(self) -> float:
        """Return the most that any process took, in MiB."""
        return max((taken for life in self.lives.values() for _, taken in life), default=0.0)

    def growths(self) -> list[tuple[float, float]]:
        """Return length in seconds and growth in MiB of each life that was long enough."""
        lengths = [(life[-1][0] - life[0][0], growth([taken for _, taken in life])) for life in self.lives.values()]
        return [each for each in lengths if each[0] >= LONG_LIFE_SECONDS]

    def complaints(self) -> list[str]:
        """Return what is wrong."""
        return [
            f"an app process grew by {grown:.0f} MiB in {length:.0f} s"
            for length, grown in self.growths()
            if grown > MOST_GROWTH_MIB
        ]


def growth(samples: Sequence[float]) -> float:
    """Return by how much the least of the last quarter is more than the least of the second one.

    The least, for a hash of a password takes 64 MiB for as long as it is made.
    """
    quarter = max(1, len(samples) // 4)
    return min(samples[-quarter:]) - min(samples[quarter : 2 * quarter] or samples)


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGESIZE") / MIB
