"""``make fuzz``: the same targets for as long as one likes, led by what of the shop's code an input reaches.

What breaks a promise ends the run, and is written to ``crash-...`` beside what else leads somewhere, which the next run
goes on from. Put it into ``corpus/`` under a name that says what it is: then every run of the tests tries it.
"""

import argparse
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import atheris

HERE = Path(__file__).parent

with atheris.instrument_imports(include=["shopapp"]):
    from fuzz.attempts import PEOPLE, Attempt
    from fuzz.house import House, open_house
    from fuzz.strategies import BAD, FIELDS, FORMS, GOOD, PATHS
    from fuzz.targets import try_it
    from shopapp.embedded import start_server, stop_server


def main() -> int:
    """Fuzz in a process of its own, which ends without a word to anybody, and clear up after it."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--found", type=Path, default=Path(".cache/fuzz"), help="where to keep what leads somewhere")
    parser.add_argument("--seed", type=int, default=0, help="of what is tried; 0: another each time")
    parser.add_argument("--house", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.house:
        fuzz(given.house, given.found, given.seconds, given.seed)
    given.found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as house:
        start_server(Path(house) / "valkey")
        try:
            again = [sys.executable, "-m", "fuzz", *sys.argv[1:], "--house", house]
            return subprocess.run(again, check=False).returncode
        finally:
            stop_server(Path(house) / "valkey")


def fuzz(directory: Path, found: Path, seconds: int, seed: int) -> None:
    """Fuzz in a house of its own. Ends the process."""
    logging.disable()
    with open_house(directory) as house:
        words = directory / "words"
        words.write_text("".join(f"{_quoted(word)}\n" for word in sorted(_words(house))))
        seeds = directory / "seeds"
        seeds.mkdir()
        for number, attempt in enumerate(_good_forms()):
            (seeds / str(number)).write_bytes(attempt.write())
        limits = [f"-max_total_time={seconds}", f"-seed={seed}", "-timeout=20", "-rss_limit_mb=1000", "-max_len=6000"]
        shown = [f"-dict={words}", f"-artifact_prefix={found}/", "-print_final_stats=1"]
        atheris.Setup(
            [sys.argv[0], *limits, *shown, str(found), str(HERE / "corpus")], lambda text: try_it(house, text)
        )
        atheris.Fuzz()


def _good_forms() -> Iterator[Attempt]:
    """What people send: a fuzzer that has seen it gets further than the complaint that a field is missing."""
    for path, fields in FORMS.items():
        for who in PEOPLE:
            body = "&".join(f"{name}={value.replace(' ', '+')}" for name, value in fields.items()).encode()
            header = ("Content-Type", b"application/x-www-form-urlencoded")
            yield Attempt(who, "POST", path.encode(), (header,), body)


def _words(house: House) -> set[bytes]:
    """What an attempt is made of."""
    texts = [*PATHS, *FIELDS, *GOOD, *BAD, "Content-Type: application/json", "application/x-www-form-urlencoded"]
    placeholders = [f"{{{name.decode()}}}" for name in house.words]
    words = [text.encode("utf-8", "surrogatepass") for text in [*texts, *placeholders]]
    return {word for word in words if 0 < len(word) < 60}


def _quoted(word: bytes) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"'


if __name__ == "__main__":
    sys.exit(main())
