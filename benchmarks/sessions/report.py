"""The results of sessions as Markdown tables."""

from collections.abc import Iterable

from benchmarks.report import PICTURE
from benchmarks.sessions.bare import BASE, GET, Times
from benchmarks.sessions.contenders import COMPARED
from benchmarks.sessions.results import SessionResults
from benchmarks.sessions.visitors import ADDS, FIGURES, THREADS
from benchmarks.tables import BY_CPU, ratio_text, table


def markdown(results: SessionResults, times: Times, notes: Iterable[str]) -> str:
    """Return the whole report."""
    parts = [
        "# Sessions\n\nMade by `make bench`. How to read it: [performance.md](../../docs/performance.md).",
        "\n".join(f"- {note}" for note in (*notes, *results.complaints())),
        f"## Requests a second\n\n{_values(results, 'per_second', '{:,.0f}', kept=True)}",
        f"![Requests a second, as bars]({PICTURE})",
        f"## Slowest of a hundred: 99th percentile, in ms\n\n{_values(results, 'p99_ms', '{:.1f}')}",
        f"## Ratios of requests a second: above 1, the first is faster\n\n{_ratios(results, 'per_second')}",
        f"## Ratios of the 99th percentile: below 1, the first is faster\n\n{_ratios(results, 'p99_ms')}",
        *_by_cpu(results),
        bare_markdown(times),
    ]
    return "\n\n".join(parts) + "\n"


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


def _values(results: SessionResults, of: str, form: str, *, kept: bool = False) -> str:
    rows = []
    for name in results.loads:
        row = [name, *(form.format(results.median(name, figure, of)) for figure in FIGURES)]
        rows.append([*row, _kept(results, name)] if kept else row)
    return table(["", *FIGURES.values(), *([f"kept of {THREADS * ADDS} adds"] if kept else [])], rows)


def _by_cpu(results: SessionResults) -> list[str]:
    if not results.knows_cpu:
        return []
    values, ratios = _values(results, "per_cpu_second", "{:,.0f}"), _ratios(results, "per_cpu_second")
    return [f"## {BY_CPU}\n\n{values}", f"## Ratios of that: above 1, the first is faster\n\n{ratios}"]


def _kept(results: SessionResults, name: str) -> str:
    """Return the worst and the best round."""
    low, high = min(results.kept[name]), max(results.kept[name])
    return f"{low}" if low == high else f"{low} to {high}"


def _ratios(results: SessionResults, of: str) -> str:
    rows = []
    for ours, theirs in COMPARED:
        ratios = [results.ratio(ours, theirs, figure, of) for figure in FIGURES]
        rows.append([f"{ours} : {theirs}", *map(ratio_text, ratios)])
    return table(["", *FIGURES.values()], rows)
