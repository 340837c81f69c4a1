"""What was asked for on the command line, and what is there to run it on."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.cores import Cores

BARE_ROUNDS = 3
"""Rounds of the part without a server for each of the others: they are short."""


@dataclass(frozen=True)
class Plan:
    """What every part is told."""

    rounds: int
    seconds: int
    """Length of one run."""
    away: float
    """Milliseconds to Redis, in the part without a server."""
    cores: Cores
    redis_socket: Path
    directory: Path
    """For logs, and for what does not outlive the benchmark."""
