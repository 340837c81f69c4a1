"""What all tests share. The fixtures of ``shopapp.testing`` and its ``shop`` are for other people's suites as well."""

import gc
import os
from collections.abc import Generator
from typing import Any

import pytest

pytest_plugins = [
    "shopapp.testing",
    "shopapp.testing.shop",
    "postgresql",
    "cluster",
    "sentinel",
    "nginx",
    "slow_network",
    "mail_server",
    "on_granian",
    "on_database",
]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Where everything is installed (REQUIRE_ALL_TESTS=1, as in CI), a skipped test is a failed one."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("REQUIRE_ALL_TESTS"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, but every test is required: {report.longrepr}"
    return report


def pytest_collection_finish() -> None:
    """Have the garbage collector leave alone what is there until the end: it would look through all tests whenever
    an app is made, for a tenth of the suite's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
