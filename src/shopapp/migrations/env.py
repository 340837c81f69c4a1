"""How Alembic runs the migrations. Alembic executes this file; nothing imports it.

The connection comes from :mod:`shopapp.migrations`, or is made from the ini given to ``alembic -c``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import plaster
from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

import shopapp.accounts.models
import shopapp.cart.models
import shopapp.catalog.models
import shopapp.mail.models
import shopapp.orders.models  # noqa: F401 - every module with models is imported here, for its tables
from shopapp import schema
from shopapp.db import Base, DatabaseSetupError, UtcDateTime, create_engine_from
from shopapp.migrations import ADVISORY_LOCK, SEARCH_TABLES
from shopapp.settings import SettingsError
from shopapp.settings.shop import load_settings

COPIES = "a migration that alters product or category does it in `with kept_triggers():` (docs/pages.md)."


def engine_from_ini(path: str) -> Engine:
    """Return the engine of the shop that the ini describes, and set up the ini's logging."""
    plaster.setup_logging(path)
    try:
        return create_engine_from(load_settings(plaster.get_settings(path, "app:main")).shop)
    except (SettingsError, DatabaseSetupError) as error:
        raise CommandError(str(error)) from error


def migrate(connection: Connection) -> None:
    """Run what Alembic was asked for in one transaction, alone: all of it happens or nothing."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",  # which alters a table by copying it
        render_item=render_item,
        include_name=include_name,
        transactional_ddl=True,
    )
    with foreign_keys_at_rest(connection), context.begin_transaction():
        take_turn(connection)
        orphans = find_orphans(connection)
        try:
            context.run_migrations()
        except OperationalError as error:
            if str(error.orig).startswith("error in trigger"):
                raise schema.SchemaError(f"{error.orig}: {COPIES}") from error
            raise
        check(connection, orphans)


@contextmanager
def foreign_keys_at_rest(connection: Connection) -> Iterator[None]:
    """Let SQLite copy a table that others refer to. Only outside of a transaction does it take this."""
    if connection.dialect.name != "sqlite":
        yield
        return
    sqlite = connection.connection.cursor()  # on which SQLAlchemy begins no transaction of its own
    sqlite.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        sqlite.execute("PRAGMA foreign_keys = ON")


def find_orphans(connection: Connection) -> set[Any]:
    """Return the rows of SQLite that refer to a row that is not there, each with its table and the other one."""
    if connection.dialect.name != "sqlite":
        return set()
    return {tuple(row) for row in connection.execute(text("PRAGMA foreign_key_check"))}


def check(connection: Connection, orphans_before: set[Any]) -> None:
    """Refuse what a migration has broken, while all of it can be taken back. Raises SchemaError."""
    if orphans := find_orphans(connection) - orphans_before:
        raise schema.SchemaError(
            f"A migration leaves rows that refer to rows that are gone: {sorted(orphans, key=str)[:9]}"
        )
    newest = context.get_head_revision()
    if context.get_context().get_current_revision() == newest:
        if newest != schema.REVISION:
            raise schema.SchemaError(f"The newest migration is {newest}, but shopapp/schema.py says {schema.REVISION}.")
        schema.check_schema(connection)


def take_turn(connection: Connection) -> None:
    """Wait for any other process that migrates the same database; the lock goes with the transaction."""
    if connection.dialect.name == "sqlite":
        # This also makes it a transaction: the sqlite3 module begins none before CREATE TABLE.
        connection.execute(text("BEGIN IMMEDIATE"))
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})


def render_item(kind: str, item: Any, _autogenerate: Any) -> str | bool:
    """Write our own types into new migrations as what they are in the database."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave out what is no model: the tables of the search, which the databases make in different ways."""
    return not (kind == "table" and name and name.startswith(SEARCH_TABLES))


def run() -> None:
    """Migrate on the connection given, or on one of our own."""
    if context.is_offline_mode():
        raise CommandError("migrations need the database: --sql is not supported")
    given = context.config.attributes.get("connection")
    if given is not None:
        migrate(given)
        return
    engine = engine_from_ini(str(context.config.config_file_name))
    try:
        with engine.connect() as connection:
            migrate(connection)
    except schema.SchemaError as error:
        raise CommandError(str(error)) from error  # which alembic's command shows without a traceback
    finally:
        engine.dispose()


run()
