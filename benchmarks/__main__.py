"""``python -m benchmarks``: measure, print, and write benchmarks/results/. ``--help`` tells the options."""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import redis

from benchmarks import bare, report
from benchmarks.contenders import (
    CONTENDERS,
    EXPRESS_ON_NODE,
    THREADS,
    BenchmarkError,
    Contender,
    Cores,
    express_is_missing,
    pin,
    running,
)
from benchmarks.load import CLIENTS, FIGURES, load_tool, run_load
from benchmarks.results import Results
from benchmarks.visitors import VISITORS, check, kept_adds, signed_in_cookies
from shopapp.embedded import start_server, stop_server

DIRECTORY = Path(__file__).with_name("results")


def main() -> int:
    """Measure and report; return the status to exit with."""
    options = parse(sys.argv[1:])
    cores = Cores.of_this_machine()
    pin(cores.load)
    results, notes = Results(), []
    with tempfile.TemporaryDirectory(prefix="bench") as directory:
        try:
            redis_socket = start_server(directory)
            if not options.bare:
                notes = measure(redis_socket, cores, options, results, Path(directory))
            say("in one thread, without a server")
            times = bare.measure(redis_socket, cores, options.rounds * 3, 200, options.away)
        except BenchmarkError as error:
            print(f"benchmark: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nbenchmark: interrupted; nothing is written", file=sys.stderr)
            return 130
        finally:
            stop_server(directory)
    if options.bare:
        print(report.bare_markdown(times))
    else:
        write(results, times, notes, options.name)
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast sessions are.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender has its turn (5)")
    parser.add_argument("--seconds", type=int, default=4, help="length of one run in whole seconds (4)")
    parser.add_argument("--name", default="latest", help="of the files in benchmarks/results (latest)")
    parser.add_argument("--bare", action="store_true", help="only the part without a server; prints, writes nothing")
    parser.add_argument("--away", type=float, default=0.0, metavar="MS", help="in that part, put Redis so far away")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.seconds < 1:
        parser.error("there must be at least one round, of one second")
    return options


def measure(
    redis_socket: Path, cores: Cores, options: argparse.Namespace, results: Results, directory: Path
) -> list[str]:
    """Run all contenders in turns; return what there is to say about how. Raises BenchmarkError."""
    notes = [
        f"{datetime.now(UTC):%Y-%m-%d}. " + report.about_this_machine(),
        f"Rounds: {options.rounds}; the figures are medians. A run is {options.seconds} s. Load by {load_tool()}.",
        f"{cores}.",
        f"{CLIENTS} clients; waitress and granian with {THREADS} threads in one process. Ping sends no cookie. Read "
        f"and add send those of {VISITORS} signed-in visitors in turn, so no two requests in flight share a session.",
    ]
    with ExitStack() as stack:
        ports = {}
        for contender in contenders(notes):
            say(f"starting {contender.name}")
            ports[contender.name] = port = stack.enter_context(running(contender, redis_socket, cores, directory))
            check(contender.name, port)
            for figure in FIGURES if options.rounds > 1 else ():  # warm up: node compiles what is used much
                run_load(figure, port, signed_in_cookies(port), 3)
        client = stack.enter_context(redis.Redis.from_url(f"unix://{redis_socket}"))
        for number in range(options.rounds):
            client.flushall()
            say(f"round {number + 1} of {options.rounds}")
            measure_round(rotated(ports, number), options.seconds, results)
    return notes


def contenders(notes: list[str]) -> list[Contender]:
    """Return those that can be measured; note which cannot."""
    why_not = express_is_missing()
    if why_not:
        notes.append(f"{EXPRESS_ON_NODE} is left out: {why_not}.")
        say(notes[-1])
    return [contender for contender in CONTENDERS if not (why_not and contender.name == EXPRESS_ON_NODE)]


def rotated(ports: dict[str, int], number: int) -> dict[str, int]:
    """Let another contender begin in each round."""
    names = list(ports)
    first = number % len(names)
    return {name: ports[name] for name in names[first:] + names[:first]}


def measure_round(ports: dict[str, int], seconds: int, results: Results) -> None:
    """Take each figure of all contenders, one right after the other."""
    cookies = {name: signed_in_cookies(port) for name, port in ports.items()}
    for figure, title in FIGURES.items():
        for name, port in ports.items():
            load = run_load(figure, port, cookies[name], seconds)
            results.note(name, figure, load)
            say(f"  {title:16} {name:28} {load.per_second:8,.0f} a second, p99 {load.p99_ms:6.1f} ms")
    for name, port in ports.items():
        kept, accepted, sent = kept_adds(port)
        results.note_kept(name, kept, sent - accepted)
        say(f"  {'adds to one cart':16} {name:28} {kept:8} of {sent} kept, {sent - accepted} refused")


def write(results: Results, times: bare.Times, notes: list[str], name: str) -> None:
    """Print the report, and write it with its picture and with every single run."""
    text = report.markdown(results, times, notes, f"{name}.svg")
    print(f"\n{text}")
    DIRECTORY.mkdir(exist_ok=True)
    DIRECTORY.joinpath(f"{name}.md").write_text(text)
    DIRECTORY.joinpath(f"{name}.svg").write_text(report.svg(results))
    DIRECTORY.joinpath(f"{name}.json").write_text(json.dumps(results.raw() | {"bare": vars(times)}, indent=1) + "\n")


def say(line: str) -> None:
    """Tell whoever waits how far it is."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
