"""Figures as Markdown tables and as bars."""

from collections.abc import Iterable, Mapping
from html import escape

from benchmarks.results import Results

BY_CPU = "Requests in a second of the app's own processor time"

NONE = "–"  # noqa: RUF001
COLOURS = {"ours": "#2563a8", "plain": "#8a8f98", "Express": "#b7791f", "Django": "#3f7d58"}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table: a column of names, then columns of numbers."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    return "\n".join(
        "| " + " | ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) + " |" for line in lines
    )


def ratio_text(ratio: float | None) -> str:
    """Return a ratio as the tables show it."""
    return NONE if ratio is None else f"{ratio:.2f}"


def svg_bars(results: Results, figures: Mapping[str, str]) -> str:
    """Return a picture of the requests a second: a group of bars for each figure, each group to a scale of its own."""
    names = list(results.loads)
    bar, left, width = 20, 210, 420
    group = bar * len(names) + 46
    marks = []
    for number, (figure, title) in enumerate(figures.items()):
        top = number * group + 30
        marks.append(f'<text x="12" y="{top}" font-weight="bold">{escape(title)}, requests a second</text>')
        values = [results.median(name, figure, "per_second") for name in names]
        for row, (name, value) in enumerate(zip(names, values, strict=True)):
            y, length = top + 10 + row * bar, width * value / max(*values, 1.0)
            colour = COLOURS[name.partition(" ")[0]]
            marks.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
            marks.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar - 5}" fill="{colour}"/>')
            marks.append(f'<text x="{left + length + 6:.1f}" y="{y + 12}">{value:,.0f}</text>')
    size = f'width="{left + width + 80}" height="{group * len(figures) + 10}"'
    style = 'font-family="sans-serif" font-size="13" fill="#1c1e21"'
    content = "\n".join(marks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{content}\n</svg>\n'
    )
