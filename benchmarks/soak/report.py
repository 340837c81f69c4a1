"""The soak as Markdown."""

from collections import Counter

from benchmarks.load import percentile
from benchmarks.machine import today_and_machine
from benchmarks.soak.faults import KINDS, Fault, Kind
from benchmarks.soak.judging import LONG_LIFE_SECONDS
from benchmarks.soak.run import Result
from benchmarks.soak.traffic import Hit
from benchmarks.tables import NONE, table

PERCENTILES = (50.0, 95.0, 99.0)


def markdown(result: Result) -> str:
    """Return the whole report."""
    plan = result.plan
    head = (
        f"{plan.minutes:g} minutes, {plan.clients} clients, seed {plan.seed}: {len(result.hits):,} requests"
        f" ({len(result.hits) / result.seconds:.0f} a second), {len(result.faults)} faults."
    )
    parts = [
        "# The soak\n",
        "`make soak`: two processes of the shop behind nginx, with Redis and PostgreSQL, and people on whole journeys"
        " while parts are killed. docs/soak.md says how to read it.\n",
        f"{today_and_machine(['psycopg'])} {head}\n",
        f"**{'Nothing was lost, doubled or revived.' if not result.violations else 'Promises were broken:'}**\n",
        "".join(f"- {line}\n" for line in result.violations[:100]),
        "## What was acknowledged, and what was compared at the end\n",
        table(["acknowledged", "changes"], _counts(result.acknowledged)) + "\n",
        table(["compared", "of them"], _counts(result.checked)) + "\n",
        "## Faults\n",
        _faults(result) + "\n",
        "5xx and broken connections, while the fault lasted and 2 s after; whatever else failed is a broken promise."
        ' "Last" is how long after the end of a fault its last failure was answered.\n',
        "## How long answers took, in ms\n",
        _latencies(result) + "\n",
        f"{sum(hit.is_put_off for hit in result.hits):,} requests were put off: too many people signed in just then.\n",
        "## Memory of the app's processes\n",
        _memory(result),
    ]
    return "\n".join(part for part in parts if part)


def _counts(counter: Counter[str]) -> list[list[str]]:
    return [[what, f"{number:,}"] for what, number in sorted(counter.items())]


def _faults(result: Result) -> str:
    rows = []
    for kind in KINDS:
        faults = [fault for fault in result.faults if fault.kind is kind]
        if not faults:
            continue
        found = [each for each in result.failures if each.fault and each.fault.kind is kind]
        failed = Counter(each.hit.status for each in found)
        answers = " + ".join(f"{number} × {status or 'none'}" for status, number in sorted(failed.items()))  # noqa: RUF001
        took = [fault.ended - fault.began for fault in faults]
        meanwhile = [hit for hit in result.hits if any(_overlaps(hit, fault) for fault in faults)]
        last = max((each.seconds_after for each in found), default=0.0)
        row = [kind.name, str(len(faults)), f"{min(took):.1f} to {max(took):.1f}", f"{len(meanwhile):,}"]
        rows.append([*row, answers or "0", f"{last:.1f}" if found else NONE])
    return table(["fault", "times", "s each", "requests meanwhile", "failed", "last, s"], rows)


def _latencies(result: Result) -> str:
    quiet = [hit for hit in result.hits if not any(_overlaps(hit, fault) for fault in result.faults)]
    rows = [_latency("between faults: catalogue, visitors", [hit for hit in quiet if hit.is_look])]
    rows.append(_latency("between faults: all else", [hit for hit in quiet if not hit.is_look]))
    for kind in KINDS:
        meanwhile = [hit for hit in result.hits if _met(hit, kind, result.faults)]
        rows.append(_latency(f"{kind.name}: catalogue, visitors", [hit for hit in meanwhile if hit.is_look]))
        rows.append(_latency(f"{kind.name}: all else", [hit for hit in meanwhile if not hit.is_look]))
    return table(["", "requests", *(f"p{percent:g}" for percent in PERCENTILES)], [row for row in rows if row])


def _latency(title: str, hits: list[Hit]) -> list[str]:
    if not hits:
        return []
    took = [(hit.ended - hit.began) * 1e3 for hit in hits]
    return [title, f"{len(hits):,}", *(f"{percentile(took, percent):,.0f}" for percent in PERCENTILES)]


def _overlaps(hit: Hit, fault: Fault) -> bool:
    return hit.ended >= fault.began and hit.began <= fault.ended + fault.kind.tail_seconds


def _met(hit: Hit, kind: Kind, faults: list[Fault]) -> bool:
    return any(fault.kind is kind and _overlaps(hit, fault) for fault in faults)


def _memory(result: Result) -> str:
    growths = result.memory.growths()
    words = f"At most {result.memory.top():.0f} MiB."
    if growths:
        length, grown = max(growths)
        words += (
            f" The process that lived longest, {length:.0f} s, grew by {grown:+.1f} MiB from its second quarter on;"
        )
        words += f" the one that grew most, by {max(grown for _, grown in growths):+.1f} MiB."
    else:
        words += f" None lived for {LONG_LIFE_SECONDS:.0f} s, so nothing can be said of its growth."
    return words + "\n"
