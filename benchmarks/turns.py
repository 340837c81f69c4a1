"""Turns: each figure is taken of all contenders, one right after the other."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from benchmarks.contenders import App
from benchmarks.results import Results
from benchmarks.traffic import Traffic


def rotated(apps: Mapping[str, App], number: int) -> dict[str, App]:
    """Let another contender begin in each round."""
    names = list(apps)
    first = number % len(names)
    return {name: apps[name] for name in names[first:] + names[:first]}


def take_turns(
    apps: Mapping[str, App],
    figures: Mapping[str, str],
    traffic: Callable[[str, str], Traffic],
    seconds: float,
    results: Results,
) -> None:
    """Take each figure of all contenders; ``traffic`` is told the contender and the figure."""
    for figure, title in figures.items():
        for name, app in apps.items():
            before = app.cpu_seconds()
            load = traffic(name, figure).send(app.port, seconds)
            load = replace(load, cpu_seconds=app.cpu_seconds() - before)
            results.note(name, figure, load)
            say(f"  {title:20} {name:28} {load.per_second:8,.0f} a second, p99 {load.p99_ms:6.1f} ms")


def say(line: str) -> None:
    """Tell whoever waits how far it is."""
    print(line, flush=True)
