"""For migrations that alter ``product`` or ``category``, whose triggers stand in the way and would be lost."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op
from sqlalchemy import Connection

# Name, table and the SQL that makes it again.
ALL = {
    "sqlite": "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
    "postgresql": "SELECT tgname, relname, pg_get_triggerdef(t.oid)"
    " FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid"
    " WHERE NOT tgisinternal AND pg_table_is_visible(tgrelid) ORDER BY tgname",
}


@contextmanager
def kept_triggers() -> Iterator[None]:
    """Drop all triggers, and make them again after the block.

    SQLite alters a table by copying it, which loses those of the table and fails at those that name it. PostgreSQL
    changes no type of a column that a trigger names. Rows that the block changes are not counted and not found, so
    change rows before it or after it. A trigger that the block makes itself is left as it is.
    """
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        # What rows were changed before waits for the end of the transaction, and PostgreSQL alters no such table.
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    kept = list(connection.exec_driver_sql(ALL[connection.dialect.name]))
    for name, table, _ in kept:
        _drop(connection, name, table)
    yield
    there = {name for name, _, _ in connection.exec_driver_sql(ALL[connection.dialect.name])}
    for name, _, sql in kept:
        if name not in there:
            # Word for word: neither a colon nor a percent sign in it is a parameter.
            connection.exec_driver_sql(sql, execution_options={"no_parameters": True})
    _have_sqlite_read_them(connection)
    # What pages show of the table may be another now.
    connection.exec_driver_sql("UPDATE catalogue SET version = version + 1")


def _drop(connection: Connection, name: str, table: str) -> None:
    quote = connection.dialect.identifier_preparer.quote
    of_table = "" if connection.dialect.name == "sqlite" else f" ON {quote(table)}"
    connection.exec_driver_sql(f"DROP TRIGGER {quote(name)}{of_table}")


def _have_sqlite_read_them(connection: Connection) -> None:
    """Raise OperationalError if a trigger names a column that is gone. SQLite would tell at the first row that is
    changed; when a table is renamed, whichever, it reads all triggers.
    """
    if connection.dialect.name == "sqlite":
        for statement in ("CREATE TABLE a_table (id)", "ALTER TABLE a_table RENAME TO a_name", "DROP TABLE a_name"):
            connection.exec_driver_sql(statement)
