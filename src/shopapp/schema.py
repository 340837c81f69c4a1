"""What the shop expects of its database: the newest migration, and the triggers that the catalogue lives by.

Here, and not in the migrations, since the web asks it as well. tests/functional/test_schema.py compares it with a
database that has just been migrated.
"""

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

REVISION = "0007"
"""The newest migration. Revisions are numbers of four digits, so that an older one can be told from a newer one."""

TRIGGERS = {
    "sqlite": {
        "category_has_count",
        "category_is_found",
        "category_is_found_otherwise",
        "category_loses_count",
        "category_raises_version_at_delete",
        "category_raises_version_at_insert",
        "category_raises_version_at_update",
        "product_is_counted",
        "product_is_counted_elsewhere",
        "product_is_counted_no_more",
        "product_is_found",
        "product_is_found_no_more",
        "product_is_found_otherwise",
        "product_raises_version_at_delete",
        "product_raises_version_at_insert",
        "product_raises_version_at_update",
    },
    "postgresql": {
        "category_is_found",
        "category_is_found_otherwise",
        "category_raises_version",
        "category_raises_version_at_truncate",
        "product_is_counted",
        "product_is_counted_at_truncate",
        "product_is_counted_elsewhere",
        "product_is_counted_no_more",
        "product_is_found",
        "product_is_found_at_truncate",
        "product_is_found_no_more",
        "product_is_found_otherwise",
        "product_raises_version",
        "product_raises_version_at_truncate",
    },
}
"""Without one of them pages, counts or the search stay as they are, and nothing else tells."""

# One that is disabled is as bad as none.
FIND_TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A') AND NOT tgisinternal"
    " AND tgrelid IN (to_regclass('category'), to_regclass('product'))",
}


UPGRADE = "shopapp db upgrade"
"""What mends a database without tables, or with older ones."""


class SchemaError(Exception):
    """The database is not as the shop expects it. The message says what is missing, and what to do."""


def check_schema(connection: Connection) -> None:
    """Raise SchemaError if tables, a migration or a trigger are missing, and whatever else the database says.

    A newer database is fine: it is upgraded before the processes are replaced. Its triggers are for those to judge.
    """
    try:
        revision = connection.scalar(text("SELECT max(version_num) FROM alembic_version"))
    except DBAPIError as error:
        if _is_without_table(error):
            raise SchemaError(f"The database has no tables of the shop ({_in_short(error)}). Run: {UPGRADE}") from error
        raise
    if revision is None or revision < REVISION:
        raise SchemaError(f"The database is at migration {revision}, not {REVISION}. Run: {UPGRADE}")
    if revision == REVISION:
        there = set(connection.scalars(text(FIND_TRIGGERS[connection.dialect.name])))
        if missing := TRIGGERS[connection.dialect.name] - there:
            raise SchemaError(
                f"These triggers are missing or disabled: {', '.join(sorted(missing))}. A migration keeps them by"
                " kept_triggers(). To make all of them again, and counts and search with them:"
                " alembic -c production.ini downgrade 0002, then shopapp -c production.ini db upgrade"
            )


def advice_on(error: DBAPIError, *, upgrading: bool = False) -> str:
    """Return what to try after an error of the database; nothing if there is no more to say than the error does."""
    reason, code = str(error.orig), getattr(error.orig, "sqlstate", "")
    if _is_without_table(error):
        return "" if upgrading else f"Has `{UPGRADE}` been run?"
    if reason.startswith(("unable to open", "attempt to write a readonly")):  # SQLite writes beside the file as well
        return "Is shop.database_url right, and may this user write to that file and its folder?"
    if code is None:  # psycopg got no answer at all
        return "Is the database there, and is shop.database_url right?"
    return ""


def _is_without_table(error: DBAPIError) -> bool:
    is_sqlites = str(error.orig).startswith(("no such table", "no such column"))
    return is_sqlites or getattr(error.orig, "sqlstate", "") in ("42P01", "42703")


def _in_short(error: DBAPIError) -> str:
    return str(error.orig).partition("\n")[0]  # PostgreSQL goes on with the statement
