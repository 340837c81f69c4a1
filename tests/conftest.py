"""What all tests share. The shop's own fixtures are those that other people's suites get: ``shopapp.testing``."""

import os
from collections.abc import Generator
from typing import Any

import pytest

pytest_plugins = ["shopapp.testing", "postgresql", "cluster"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Where everything is installed (REQUIRE_ALL_TESTS=1, as in CI), a skipped test is a failed one."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("REQUIRE_ALL_TESTS"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, but every test is required: {report.longrepr}"
    return report
