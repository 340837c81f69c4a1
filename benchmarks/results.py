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
    kept: dict[str, list[int]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    """Contender: how many of the adds to one cart were kept in each round; and answered with an error, in all."""

    def note(self, contender: str, figure: str, load: Load) -> None:
        """Take down a run."""
        self.loads.setdefault(contender, {}).setdefault(figure, []).append(load)

    def note_kept(self, contender: str, kept: int, refused: int) -> None:
        """Take down how many adds to one cart were kept, and refused."""
        self.kept.setdefault(contender, []).append(kept)
        self.refused[contender] = self.refused.get(contender, 0) + refused

    def median(self, contender: str, figure: str, of: str) -> float:
        """Return the median over the rounds of ``per_second`` or ``p99_ms``."""
        return statistics.median(self._values(contender, figure, of))

    def ratio(self, ours: str, theirs: str, figure: str, of: str) -> float | None:
        """Return the median of the rounds' ratios; None where one of the two was not measured."""
        if ours not in self.loads or theirs not in self.loads:
            return None
        return median_ratio(self._values(ours, figure, of), self._values(theirs, figure, of))

    def errors(self, contender: str) -> int:
        """Return how many requests went wrong."""
        return sum(load.errors for loads in self.loads[contender].values() for load in loads)

    def raw(self) -> dict[str, Any]:
        """Return every single run, for JSON."""
        return {
            name: {
                **{figure: [vars(load) for load in loads] for figure, loads in figures.items()},
                "kept": self.kept[name],
                "refused": self.refused[name],
            }
            for name, figures in self.loads.items()
        }

    def _values(self, contender: str, figure: str, of: str) -> list[float]:
        return [getattr(load, of) for load in self.loads[contender][figure]]


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios of pairs: a machine that slows down for a while slows both of a pair."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
