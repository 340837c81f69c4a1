"""Turns: each figure is taken of all contenders, one right after the other."""

from collections.abc import Callable, Mapping

from benchmarks.load import Load
from benchmarks.results import Results


def rotated(ports: Mapping[str, int], number: int) -> dict[str, int]:
    """Let another contender begin in each round."""
    names = list(ports)
    first = number % len(names)
    return {name: ports[name] for name in names[first:] + names[:first]}


def take_turns(names: list[str], figures: Mapping[str, str], run: Callable[[str, str], Load], results: Results) -> None:
    """Take each figure of all contenders; ``run`` is told the contender and the figure."""
    for figure, title in figures.items():
        for name in names:
            load = run(name, figure)
            results.note(name, figure, load)
            say(f"  {title:20} {name:28} {load.per_second:8,.0f} a second, p99 {load.p99_ms:6.1f} ms")


def say(line: str) -> None:
    """Tell whoever waits how far it is."""
    print(line, flush=True)
