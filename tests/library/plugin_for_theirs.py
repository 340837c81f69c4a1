"""A pytest plugin for the run of the library's tests: puts ours into them and writes down what became of each."""

import importlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from theirs import substitute

NOON = 1_800_000_000
outcomes: dict[str, str] = {}


def pytest_configure() -> None:
    """Before the tests are imported, for they take names from each other."""
    for name in ("_util", "web_app", "test_config", "test_factory", "test_pyramid"):
        substitute(importlib.import_module(f"tests.{name}"))


@pytest.fixture(autouse=True)
def _clock() -> Iterator[Any]:
    # The tests compare times that are taken one after the other.
    with time_machine.travel(NOON, tick=False):
        yield


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the reason of the failure; nothing if there is none."""
    crash = getattr(report.longrepr, "reprcrash", None)
    reason = crash.message if crash else str(report.longrepr)
    name = report.nodeid.removeprefix("tests/").replace(".py", "")
    if report.failed or report.skipped:
        outcomes[name] = reason or report.outcome
    else:
        outcomes.setdefault(name, "")


def pytest_sessionfinish() -> None:
    """Hand the outcomes over."""
    Path(os.environ["LIBRARY_TESTS_OUTCOMES"]).write_text(json.dumps(outcomes))
