"""What a part has to show: written to benchmarks/results/ under the name of the part."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).with_name("results")
PICTURE = "the picture beside this"
"""Stands in the tables for the name of the picture's file."""


@dataclass(frozen=True)
class Report:
    """Tables, a picture beside them, and every single run."""

    markdown: str
    svg: str
    raw: dict[str, Any]

    def write(self, name: str) -> None:
        """Write the three files, and print the tables."""
        text = self.markdown.replace(PICTURE, f"{name}.svg")
        print(f"\n{text}")
        DIRECTORY.mkdir(exist_ok=True)
        DIRECTORY.joinpath(f"{name}.md").write_text(text)
        DIRECTORY.joinpath(f"{name}.svg").write_text(self.svg)
        DIRECTORY.joinpath(f"{name}.json").write_text(json.dumps(self.raw, indent=1) + "\n")
