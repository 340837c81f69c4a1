"""The architecture: who may know whom. Imports run downward only, and this list says how."""

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import shopapp

ARROWS = {
    # At the bottom: words and functions that know no part of the shop.
    "events": set(),
    "http": set(),
    "settings": set(),
    "audit": set(),
    "logs": set(),
    # What the shop runs on.
    "valkey": set(),
    "embedded": {"valkey"},
    "redis": {"embedded", "settings"},
    # The session lifecycle, which any other Pyramid app can take as it stands.
    "sessions": {"audit", "events", "redis", "settings"},
    # From here on it is the shop.
    "settings.shop": {"sessions", "settings"},
    "db": {"settings.shop"},
    "schema": set(),
    "money": {"settings.shop"},
    "dates": set(),
    "throttle": {"audit", "events", "http", "redis", "sessions", "settings.shop"},
    "mail": {"db", "http", "money", "settings.shop"},
    # The parts of the shop, each with its views. Accounts and catalogue do not know each other; the cart knows both.
    "accounts": {"dates", "db", "events", "http", "mail", "sessions", "throttle"},
    "catalog": {"db", "http"},
    "catalog.demo": {"accounts", "catalog"},
    "cart": {"accounts", "audit", "catalog", "db", "events", "http", "redis", "sessions", "throttle"},
    "orders": {
        "dates",
        "accounts",
        "audit",
        "cart",
        "catalog",
        "db",
        "events",
        "http",
        "mail",
        "redis",
        "sessions",
        "settings.shop",
        "throttle",
    },
    "texts": {"settings.shop"},
    # What is counted of all that.
    "metrics": {"accounts", "audit", "db", "events", "mail", "redis", "settings"},
    # What belongs to every page. Its frame shows who is signed in, the cart and the categories.
    "web": {"accounts", "cart", "catalog", "db", "http", "logs", "money", "redis", "schema", "sessions"},
    # main(): it includes the parts by name.
    "": {"events", "settings.shop"},
    # The schema, and the tools that stand beside the shop.
    "migrations": {"accounts", "cart", "catalog", "db", "mail", "orders", "schema", "settings", "settings.shop"},
}
"""Part: the parts that it imports. Each is listed below those it imports. A module in no part of its own is of the part
around it; ``""`` is the package itself."""

TOOLS = {"__main__", "cli", "lanes", "serving", "starting", "testing"}
"""They may import everything, and nobody else imports them."""

PACKAGES = {
    "redis": {
        "cart.store",
        "redis",
        "sessions.index",
        "sessions.store",
        "settings.urls",
        "testing",
    },
    "pyramid_session_redis": {"sessions.factory", "sessions.mapping"},
    "pyramid_retry": {"metrics", "sessions.retrying"},
    "sqlalchemy": {
        "accounts",
        "cart.copies",
        "cart.models",
        "catalog",
        "cli",
        "db",
        "mail",
        "metrics.letters",
        "migrations",
        "orders",
        "schema",
        "settings.shop_kinds",
        "starting",
        "testing.many",
        "testing.shop",
        "web.health",
    },
    "psycopg": {"db.postgresql"},
    "cachetools": {"cart.copies", "cart.guesses", "catalog.memory", "web.macros", "web.pages", "web.static"},
    "babel": {"cli.orders", "dates", "money", "orders.forms", "settings.shop_kinds"},
    "argon2": {"accounts.passwords", "testing.shop"},
    "email_validator": {"accounts.addresses"},
    "zxcvbn_rs_py": {"accounts.strength"},
    "alembic": {"migrations"},
    "click": {"cli"},
    "granian": {"serving"},
    "waitress": {"lanes", "serving", "starting"},
    "prometheus_client": {"audit", "mail.counting", "metrics"},
    "webtest": {"testing.shop"},
    "pytest": {"testing"},
}
"""Package from outside: the only modules or parts that import it. Above them nobody knows that it is there."""

ROOT = Path(shopapp.__file__).parent


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path): path for path in sorted(ROOT.rglob("*.py"))}


@cache
def imported(module: str) -> set[str]:
    """Return the dotted names that a module imports, wherever in it. ``from a import b`` is a and a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def part_of(module: str) -> str:
    """Return the part that a module is of: the longest name in the list that is around it."""
    around = [part for part in {*ARROWS, *TOOLS} if part and is_within(module, part)]
    return max(around, key=len, default="")


def arrows_of(part: str) -> set[str]:
    """Return the other parts that the modules of a part import."""
    names = {name for module in MODULES if part_of(module) == part for name in imported(module)}
    inside = {name.removeprefix("shopapp.") for name in names if name.startswith("shopapp.")}
    return {part_of(name) for name in inside if name in MODULES or name.rpartition(".")[0] in MODULES} - {part}


@pytest.mark.parametrize("part", ARROWS)
def test_a_part_imports_what_the_list_says_no_more_and_no_less(part: str) -> None:
    assert arrows_of(part) == ARROWS[part]


def test_every_module_is_of_a_part() -> None:
    assert [module for module in MODULES if module and part_of(module) == ""] == []


def test_imports_run_downward_only() -> None:
    order = list(ARROWS)

    upward = {(part, other) for part in order for other in ARROWS[part] if order.index(other) >= order.index(part)}

    assert upward == set()


def test_nobody_imports_the_tools() -> None:
    assert {part for part in ARROWS if arrows_of(part) & TOOLS} == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_from_outside_is_known_to_few(package: str) -> None:
    importers = {module for module in MODULES if any(is_within(name, package) for name in imported(module))}
    known_to = PACKAGES[package]

    assert {module for module in importers if not any(is_within(module, each) for each in known_to)} == set()
    assert {each for each in known_to if not any(is_within(module, each) for module in importers)} == set()


def test_nothing_warns_at_the_start_of_make_run():
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONWARNINGS"}
    command = [sys.executable, "-c", "import pyramid.scripts.pserve, shopapp, shopapp.cli"]

    started = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)

    assert started.stderr == ""
