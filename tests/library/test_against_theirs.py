"""pyramid_session_redis's own tests, from the sdist of the installed version, run against our session factory.

Each passes, or is one of the ``differences``. The sdist is fetched once; nothing of it is kept in this repository.
Its test_session makes the library's class with the library's arguments, and its other tests are about functions that
ours does not use: neither is run. tests/unit/sessions/test_library.py is about the class.
"""

import json
import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest

from library.differences import DIFFERENCES, Difference

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent.parent / ".cache" / "sdists"
NAME = f"pyramid_session_redis-{version('pyramid_session_redis')}"
MODULES = ("test_config", "test_factory", "test_pyramid")
SWAYING = {"PYTEST_ADDOPTS", "PYTEST_PLUGINS", "REDIS_URL", "SESSION_SECRET"}
"""Variables that would have a say in the run."""

FETCH_SECONDS, RUN_SECONDS = 120, 300


@pytest.fixture(scope="module")
def sdist() -> Path:
    """The sdist of the library, as pip finds it; a test that needs it is skipped where it cannot be had."""
    path = CACHE / f"{NAME}.tar.gz"
    if not path.exists():
        what = NAME.replace("-", "==")
        options = ["--quiet", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest", str(CACHE)]
        command = [sys.executable, "-m", "pip", "download", *options, what]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=FETCH_SECONDS)
        except subprocess.SubprocessError as error:
            said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
            pytest.skip(f"pip cannot download the sdist of {what}: {said}")
        if not path.exists():
            pytest.skip(f"pip has downloaded no {path.name}")
    return path


@pytest.fixture(scope="module")
def outcomes(sdist: Path, shop_valkey: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What became of each of the library's tests: the message of its failure, or nothing."""
    folder, written = tmp_path_factory.mktemp("library"), tmp_path_factory.mktemp("outcomes") / "outcomes.json"
    unpack_tests(sdist, folder)
    (folder / "pytest.ini").write_text("[pytest]\n")  # theirs and ours are both out of the way
    kept = {name: value for name, value in os.environ.items() if name not in SWAYING}
    environment = {
        **kept,
        "PYTHONPATH": str(HERE),
        "LIBRARY_TESTS_REDIS": shop_valkey,
        "LIBRARY_TESTS_OUTCOMES": str(written),
    }
    command = [sys.executable, "-m", "pytest", "-c", "pytest.ini", "-p", "plugin_for_theirs", "-p", "no:cacheprovider"]
    files = [f"tests/{name}.py" for name in MODULES]
    run = subprocess.run(
        [*command, *files], cwd=folder, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS
    )
    assert written.exists(), run.stdout + run.stderr
    return json.loads(written.read_text())


def unpack_tests(sdist: Path, folder: Path) -> None:
    """Unpack the tests alone: what they import of the library is what is installed."""
    (folder / "tests").mkdir()
    with tarfile.open(sdist) as archive:
        for member in archive.getmembers():
            path = member.name.removeprefix(f"{NAME}/")
            content = archive.extractfile(member) if path.startswith("tests/") else None
            if content is not None:
                (folder / "tests" / Path(path).name).write_bytes(content.read())


def test_each_of_them_passes_or_is_a_difference(outcomes: dict[str, str]) -> None:
    known = {test for difference in DIFFERENCES for test in difference.tests}
    faults = {test: message for test, message in outcomes.items() if message and test not in known}

    assert faults == {}
    assert {test.partition("::")[0] for test in outcomes} == set(MODULES)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.why.partition(".")[0])
def test_a_difference_is_still_one_and_for_its_reason(outcomes: dict[str, str], difference: Difference) -> None:
    found = {test: outcomes.get(test, "there is no such test") or "it passes" for test in difference.tests}

    assert {test: message for test, message in found.items() if difference.at not in message} == {}
