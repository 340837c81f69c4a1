"""How a file becomes a text: headings and paragraphs, nothing else. What is in it is never HTML."""

from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path

from shopapp.settings.shop import ShopSettings

TITLES = {
    "imprint": "Imprint",
    "terms": "Terms and conditions",
    "privacy": "Privacy",
    "returns": "Returns",
}
"""Name of the text, which is its setting, its route and its path: what stands above it."""

HEADING = "# "


@dataclass(frozen=True, slots=True)
class Part:
    """A heading, or a paragraph whose lines end where they end in the file: an address has several."""

    is_heading: bool
    words: str


@dataclass(frozen=True, slots=True)
class Text:
    """One of the texts."""

    title: str
    parts: tuple[Part, ...]
    is_example: bool


def read_texts(shop: ShopSettings) -> dict[str, Text]:
    """Return all texts, by name. Raises OSError if a file has gone since the settings were read."""
    return {name: _read(title, getattr(shop, name), name) for name, title in TITLES.items()}


def _read(title: str, path: str | None, name: str) -> Text:
    source = Path(path) if path else files("shopapp.texts") / "examples" / f"{name}.txt"
    words = source.read_text("utf-8").removeprefix("\ufeff")  # which some editors put before UTF-8
    return Text(title, tuple(parse(words)), is_example=path is None)


def parse(words: str) -> list[Part]:
    """Return the parts: a line that begins with ``# `` is a heading, an empty line ends a paragraph."""

    def kind(line: str) -> str:
        return "heading" if line.startswith(HEADING) else "paragraph" if line else "nothing"

    parts: list[Part] = []
    for found, lines in groupby((line.strip() for line in words.splitlines()), kind):
        if found == "heading":
            parts += [Part(True, line.removeprefix(HEADING).strip()) for line in lines]
        elif found == "paragraph":
            parts.append(Part(False, "\n".join(lines)))
    return parts
