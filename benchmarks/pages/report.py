"""The results of pages as Markdown tables."""

from collections.abc import Iterable

from benchmarks.node import EXPRESS
from benchmarks.pages.bare import Times
from benchmarks.pages.contenders import OURS_ON_WAITRESS
from benchmarks.pages.figures import FIGURES
from benchmarks.report import PICTURE
from benchmarks.results import Results
from benchmarks.tables import BY_CPU, table

Sizes = dict[str, dict[str, int]]
"""Contender: figure: bytes of the page."""

MOST_DIFFERENCE = 0.1
"""A page that is so much larger or smaller than ours is not the same page any more."""


def markdown(results: Results, sizes: Sizes, times: Times, notes: Iterable[str]) -> str:
    """Return the whole report."""
    beside = f", and beside it how many times that of {EXPRESS}" if EXPRESS in results.loads else ""
    parts = [
        "# Pages\n\nMade by `make bench`. How to read it: [performance.md](../../docs/performance.md).",
        "\n".join(f"- {note}" for note in (*notes, *results.complaints(), *size_complaints(sizes))),
        f"## Requests a second{beside}\n\n{_values(results, 'per_second', '{:,.0f}')}",
        f"![Requests a second, as bars]({PICTURE})",
        f"## Slowest of a hundred: 99th percentile, in ms{beside}\n\n{_values(results, 'p99_ms', '{:.1f}')}",
        f"## Bytes of each page\n\n{_sizes(sizes)}",
        bare_markdown(times),
    ]
    if results.knows_cpu:
        parts.insert(4, f"## {BY_CPU}{beside}\n\n{_values(results, 'per_cpu_second', '{:,.0f}')}")
    return "\n\n".join(parts) + "\n"


def bare_markdown(times: Times) -> str:
    """Return the part about the apps without a server."""
    head = [column for app in times for column in (app, f"{app}: processor")]
    rows = [
        [title, *(f"{value:,.0f}" for app in times for value in (times[app][figure].all, times[app][figure].cpu))]
        for figure, title in FIGURES.items()
    ]
    return (
        f"## In one thread, without a server: µs a request, and the processor time in it\n\n{table(['', *head], rows)}"
    )


def size_complaints(sizes: Sizes) -> list[str]:
    """Return a line for each page that is much larger or smaller than ours."""
    ours = sizes[OURS_ON_WAITRESS]
    return [
        f"**{name}: {FIGURES[figure]} has {size:,} bytes and ours {ours[figure]:,}; they should be alike.**"
        for name, pages in sizes.items()
        for figure, size in pages.items()
        if abs(size / ours[figure] - 1) > MOST_DIFFERENCE
    ]


def _values(results: Results, of: str, form: str) -> str:
    rows = [
        [title, *(_value(results, name, figure, of, form) for name in results.loads)]
        for figure, title in FIGURES.items()
    ]
    return table(["", *results.loads], rows)


def _value(results: Results, name: str, figure: str, of: str, form: str) -> str:
    value, ratio = form.format(results.median(name, figure, of)), results.ratio(name, EXPRESS, figure, of)
    return value if ratio is None or name == EXPRESS else f"{value} ({ratio:.2f})"


def _sizes(sizes: Sizes) -> str:
    figures = [figure for figure in FIGURES if figure in sizes[OURS_ON_WAITRESS]]
    rows = [[FIGURES[figure], *(f"{pages[figure]:,}" for pages in sizes.values())] for figure in figures]
    return table(["", *sizes], rows)
