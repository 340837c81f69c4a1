"""What was measured of sessions: the figures, and how many adds to one cart were kept."""

from dataclasses import dataclass, field
from typing import Any

from benchmarks.results import Results


@dataclass
class SessionResults(Results):
    """All runs, and the adds."""

    kept: dict[str, list[int]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    """Contender: how many of the adds to one cart were kept in each round; and answered with an error, in all."""

    def note_kept(self, contender: str, kept: int, refused: int) -> None:
        """Take down how many adds to one cart were kept, and refused."""
        self.kept.setdefault(contender, []).append(kept)
        self.refused[contender] = self.refused.get(contender, 0) + refused

    def complaints(self) -> list[str]:
        """Return a line for each contender of which requests went wrong, or adds were refused."""
        refused = [(name, number) for name, number in self.refused.items() if number]
        return super().complaints() + [f"{name}: {number} adds to one cart were refused." for name, number in refused]

    def raw(self) -> dict[str, Any]:
        """Return every single run, for JSON."""
        adds = {name: {"kept": self.kept[name], "refused": self.refused[name]} for name in self.loads}
        return {name: figures | adds[name] for name, figures in super().raw().items()}
