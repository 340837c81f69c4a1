"""``python -m benchmarks``: measure, print, and write benchmarks/results/. ``--help`` tells the options."""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.contenders import BenchmarkError
from benchmarks.cores import Cores, pin
from benchmarks.pages import measure as pages
from benchmarks.plan import Plan
from benchmarks.sessions import measure as sessions
from shopapp.embedded import start_server, stop_server

PARTS = {"sessions": sessions, "pages": pages}


def main() -> int:
    """Measure and report; return the status to exit with."""
    options = parse(sys.argv[1:])
    cores = Cores.of_this_machine()
    pin(cores.load)
    with tempfile.TemporaryDirectory(prefix="bench") as directory:
        try:
            redis_socket = start_server(directory)
            plan = Plan(options.rounds, options.seconds, options.away, cores, redis_socket, Path(directory))
            for part in options.parts:
                run(part, plan, options)
        except BenchmarkError as error:
            print(f"benchmark: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nbenchmark: interrupted", file=sys.stderr)
            return 130
        finally:
            stop_server(directory)
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast sessions and pages are.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{' or '.join(PARTS)}; without any, both")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender has its turn (5)")
    parser.add_argument("--seconds", type=int, default=4, help="length of one run in whole seconds (4)")
    parser.add_argument("--name", default="", help="follows that of the part in the names of benchmarks/results")
    parser.add_argument("--bare", action="store_true", help="only without a server; prints, writes nothing")
    parser.add_argument("--away", type=float, default=0.0, metavar="MS", help="there, put Redis so far from sessions")
    options = parser.parse_args(arguments)
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]}: take {' or '.join(PARTS)}")
    if options.rounds < 1 or options.seconds < 1:
        parser.error("there must be at least one round, of one second")
    options.parts = options.parts or list(PARTS)
    return options


def run(part: str, plan: Plan, options: argparse.Namespace) -> None:
    """Run one part, print what it found, and write it unless only the part without a server was asked for."""
    if options.bare:
        print(PARTS[part].measure_bare(plan))
        return
    report = PARTS[part].measure(plan)
    if report:
        report.write("-".join(filter(None, (part, options.name))))


if __name__ == "__main__":
    sys.exit(main())
