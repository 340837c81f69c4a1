"""What is done to the shop while people are in it, by a schedule that the seed decides."""

import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from benchmarks.soak.world import APPS, World

QUIET_SECONDS = (6.0, 12.0)
"""Between the end of one fault and the next."""
WARM_UP_SECONDS = 8.0


@dataclass(frozen=True)
class Kind:
    """A fault: how it is done, and what people may be answered meanwhile."""

    name: str
    strike: Callable[[World, random.Random], None]
    """Does it, and returns when all is well again."""
    allowed: frozenset[int]
    """Which failures may be answered while it lasts, NO_ANSWER among them."""
    looks_allowed: frozenset[int] = frozenset()
    """The same for visitors who look at the catalogue, and so need no Redis."""
    ends_apps: bool = False
    tail_seconds: float = 2.0
    """So long after its end may they still be answered."""


@dataclass(frozen=True)
class Fault:
    """One that happened."""

    kind: Kind
    began: float
    ended: float


def _kill_redis(world: World, chance: random.Random) -> None:
    world.redis.kill()
    time.sleep(chance.uniform(0.5, 3))
    world.redis.start()
    world.redis.wait()


def _freeze_redis(world: World, chance: random.Random) -> None:
    world.redis.send(signal.SIGSTOP)
    time.sleep(chance.uniform(2, 5))
    world.redis.send(signal.SIGCONT)
    world.redis.wait()


def _kill_app(world: World, chance: random.Random) -> None:
    number = chance.randrange(APPS)
    world.apps[number].kill()
    time.sleep(chance.uniform(0.5, 2))  # until whoever looks after it notices
    world.start_app(number)


def _restart_postgresql(world: World, chance: random.Random) -> None:
    # As an operator restarts it, or as a machine that fails does.
    world.postgresql.send(chance.choice([signal.SIGINT, signal.SIGQUIT]))
    world.postgresql.wait_for_end()
    time.sleep(chance.uniform(0.2, 2))
    world.postgresql.start()
    world.postgresql.wait()


def _roll(world: World, _chance: random.Random) -> None:
    world.roll()


def _rotate_secrets(world: World, _chance: random.Random) -> None:
    world.rotate_secrets()


KINDS = (
    Kind("Redis killed", _kill_redis, frozenset({503})),
    Kind("Redis frozen", _freeze_redis, frozenset({503})),
    # 502: what was on its way in that process. The proxy asks the other one again only for what changes nothing.
    Kind("an app process killed", _kill_app, frozenset({502}), frozenset({502}), ends_apps=True),
    # The catalogue goes on from memory; but a process that has just begun has not all of it there.
    Kind("PostgreSQL restarted", _restart_postgresql, frozenset({503}), frozenset({503})),
    Kind("rolling restart", _roll, frozenset(), ends_apps=True),
    Kind("secrets rotated", _rotate_secrets, frozenset(), ends_apps=True),
)
"""What is allowed is this table, and no more."""


class Storm(threading.Thread):
    """Throws the faults in: each kind once in some order, then again in another, until the time is nearly up."""

    def __init__(self, world: World, seed: int, until: float) -> None:
        super().__init__(name="storm", daemon=True)
        self.world, self.chance, self.until = world, random.Random(seed), until
        self.faults: list[Fault] = []
        self.failure: BaseException | None = None
        self._lasts, self._ended = False, 0.0
        self.stopped = threading.Event()

    def is_quiet(self) -> bool:
        """Whether no fault lasts, nor has just ended."""
        return not self._lasts and time.monotonic() > self._ended + max(kind.tail_seconds for kind in KINDS)

    def run(self) -> None:
        """Wait, strike, and wait again."""
        try:
            self.stopped.wait(WARM_UP_SECONDS)
            for number in count():
                for kind in self._round(number):
                    if time.monotonic() > self.until or self.stopped.is_set():
                        return
                    self._strike(kind)
                    self.stopped.wait(self.chance.uniform(*QUIET_SECONDS))
        except BaseException as error:
            self.failure = error

    def _round(self, number: int) -> list[Kind]:
        """Return all kinds in some order, but those that end app processes together, and in turn first and last: so
        that some process lives long enough to see whether it grows.
        """
        kinds = self.chance.sample(KINDS, len(KINDS))
        return sorted(kinds, key=lambda kind: kind.ends_apps, reverse=number % 2 == 0)

    def _strike(self, kind: Kind) -> None:
        began, self._lasts = time.monotonic(), True
        try:
            kind.strike(self.world, self.chance)
        finally:
            self._ended, self._lasts = time.monotonic(), False
            self.faults.append(Fault(kind, began, self._ended))
            print(f"{kind.name}: {self._ended - began:.1f} s", flush=True)
