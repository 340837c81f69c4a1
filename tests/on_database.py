"""``pytest --database postgresql``: every shop that a test opens has its catalogue, people and orders in PostgreSQL.

Each test gets a copy of one database with the demo data, as it gets a copy of one file on SQLite. ``Database`` is what
tests change it by, whichever it is.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import CursorResult, create_engine, inspect

from shopapp.settings.shop_kinds import sql_url


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--database",
        choices=["sqlite", "postgresql"],
        default="sqlite",
        help="Where the shop has what is not in Redis.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Put the fixtures of PostgreSQL before those of shopapp.testing.shop, which have the same names."""
    config.addinivalue_line("markers", "only_on(database, reason): about this database, or not asked of the other one")
    if config.getoption("--database") == "postgresql":
        config.pluginmanager.import_plugin("shop_on_postgresql")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the other database."""
    database = config.getoption("--database")
    left_out = [item for item in items if any(mark.args[0] != database for mark in item.iter_markers("only_on"))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


class Database:
    """The shop's database, for what a shopkeeper does by SQL. Every statement is a transaction."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(sql_url.convert(url), isolation_level="AUTOCOMMIT")
        self._connection = self._engine.connect()

    def execute(self, statement: str, parameters: list[Any] | tuple[Any, ...] = ()) -> CursorResult[Any]:
        """Run a statement, with ``?`` where each parameter goes."""
        if self._engine.dialect.paramstyle != "qmark":
            statement = statement.replace("?", "%s")
        return self._connection.exec_driver_sql(statement, tuple(parameters))

    def everything(self) -> dict[str, list[str]]:
        """Return all rows of all tables."""
        tables = sorted(inspect(self._engine).get_table_names())
        return {table: sorted(map(repr, self.execute(f'SELECT * FROM "{table}"'))) for table in tables}

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()
        self._engine.dispose()


@pytest.fixture
def database(shop_database_url: str) -> Iterator[Database]:
    """The shop's database, for what a shopkeeper does to the catalogue. Every statement is a transaction."""
    with closing(Database(shop_database_url)) as database:
        yield database
