"""``python -m benchmarks.soak``: run it, print its report and write it; status 1 if a promise was broken."""

import argparse
import signal
import sys
from types import FrameType

from benchmarks.contenders import BenchmarkError
from benchmarks.report import DIRECTORY
from benchmarks.soak.report import markdown
from benchmarks.soak.run import Plan, soak


def main() -> int:
    """Soak and report; return the status to exit with."""
    options = parse(sys.argv[1:])
    # SIGINT too: a shell ignores it in what it runs in the background.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        result = soak(Plan(options.minutes, options.clients, options.seed))
    except BenchmarkError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("soak: interrupted", file=sys.stderr)
        return 130
    text = markdown(result)
    print(f"\n{text}")
    DIRECTORY.joinpath(f"{options.name}.md").write_text(text)
    return int(bool(result.violations))


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="People in the shop, and faults.")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long people are let in (5)")
    parser.add_argument("--clients", type=int, default=100, help="how many there are at a time (100)")
    parser.add_argument("--seed", type=int, default=1, help="decides which faults come when, and who does what (1)")
    parser.add_argument("--name", default="soak", help="of the file in benchmarks/results (soak)")
    options = parser.parse_args(arguments)
    if options.minutes <= 0 or options.clients < 1:
        parser.error("there must be at least one client, for some time")
    return options


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a second one must not interrupt the tidying up
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
