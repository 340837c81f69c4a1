"""What was measured, and what is made of it: medians, and ratios of what was measured in the same round."""

import statistics
from dataclasses import dataclass, field
from typing import Any

from benchmarks.load import Load


@dataclass
class Results:
    """All runs of the contenders, one of each figure in each round."""

    loads: dict[str, dict[str, list[Load]]] = field(default_factory=dict)
    """Contender: figure: a load for each round."""

    def note(self, contender: str, figure: str, load: Load) -> None:
        """Take down a run."""
        self.loads.setdefault(contender, {}).setdefault(figure, []).append(load)

    def median(self, contender: str, figure: str, of: str) -> float:
        """Return the median over the rounds of ``per_second``, ``p99_ms`` or ``per_cpu_second``."""
        return statistics.median(self._values(contender, figure, of))

    def ratio(self, ours: str, theirs: str, figure: str, of: str) -> float | None:
        """Return the median of the rounds' ratios; None where one of the two was not measured."""
        if ours not in self.loads or theirs not in self.loads:
            return None
        return median_ratio(self._values(ours, figure, of), self._values(theirs, figure, of))

    @property
    def knows_cpu(self) -> bool:
        """Whether the system told the processor time of all runs."""
        return all(load.cpu_seconds for figures in self.loads.values() for loads in figures.values() for load in loads)

    def complaints(self) -> list[str]:
        """Return a line for each contender of which requests went wrong."""
        return [f"**{name}: {number} requests went wrong.**" for name in self.loads if (number := self._errors(name))]

    def raw(self) -> dict[str, Any]:
        """Return every single run, for JSON."""
        return {
            name: {figure: [vars(load) for load in loads] for figure, loads in figures.items()}
            for name, figures in self.loads.items()
        }

    def _errors(self, contender: str) -> int:
        return sum(load.errors for loads in self.loads[contender].values() for load in loads)

    def _values(self, contender: str, figure: str, of: str) -> list[float]:
        return [getattr(load, of) for load in self.loads[contender][figure]]


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios of pairs: a machine that slows down for a while slows both of a pair."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
