"""Which core does what."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Cores:
    """Where the apps run, and where load, Redis and PostgreSQL do; None where this system pins no process."""

    app: int | None
    load: int | None

    @classmethod
    def of_this_machine(cls) -> "Cores":
        """Take the first two cores that this process may use; with only one, all share it."""
        if not hasattr(os, "sched_getaffinity"):
            return cls(None, None)
        usable = sorted(os.sched_getaffinity(0))
        return cls(usable[0], usable[-1] if len(usable) == 1 else usable[1])

    def __str__(self) -> str:
        if self.app is None:
            return "Nothing is pinned to a core: this system cannot"
        if self.app == self.load:
            return "Everything shares one core: there is no other"
        return "Each app on one core; load, Redis and PostgreSQL on another"


def pin(core: int | None) -> None:
    """Keep this process, and what it starts from now on, on one core."""
    if core is not None:
        os.sched_setaffinity(0, {core})
