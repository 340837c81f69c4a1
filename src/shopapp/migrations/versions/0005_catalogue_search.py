"""The search: table product_search, by the database's own full text search, and product_word for typing mistakes.

Triggers keep both, on SQL by hand as well; a change of price or stock does not touch them. product_search holds the
words of a product's name, description and category, and the category's id as one more, to search within a category.
product_word holds the words of names as people write them. A word that no name has any more stays, which does no harm:
a search for it finds nothing.

On SQLite, INSERT OR REPLACE deletes the row that it replaces without its trigger: after one by hand a row of
product_search may be left over. It belongs to no product and is not shown.
"""

import sqlalchemy as sa
from alembic import op

from shopapp.migrations import DatabaseNotReadyError, search_postgresql, search_sqlite

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it, fill it with what is there, and have triggers keep it."""
    if op.get_bind().dialect.name == "sqlite":
        _upgrade_sqlite()
    else:
        _upgrade_postgresql()


def downgrade() -> None:
    """Take it back. The extensions stay: others may use them, and the shop may not have made them."""
    if op.get_bind().dialect.name == "sqlite":
        for name in search_sqlite.TRIGGERS:
            op.execute(f"DROP TRIGGER IF EXISTS {name}")
    else:
        op.execute("DROP FUNCTION find_products() CASCADE; DROP FUNCTION find_category() CASCADE")
        op.execute("DROP FUNCTION search_products; DROP FUNCTION shop_words; DROP TEXT SEARCH CONFIGURATION shop")
        op.execute("DROP TEXT SEARCH DICTIONARY shop_stem")
    op.drop_table("product_word")
    op.drop_table("product_search")


def _upgrade_sqlite() -> None:
    for statement in (search_sqlite.SEARCH, search_sqlite.FILL, search_sqlite.WORDS):
        op.execute(statement)
    op.execute(search_sqlite.note_words("SELECT name FROM product UNION SELECT name FROM category"))
    for name, trigger in search_sqlite.TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {trigger}; END")


def _upgrade_postgresql() -> None:
    _make_extensions()
    op.execute("LOCK TABLE category, product IN SHARE ROW EXCLUSIVE MODE")  # what is added meanwhile would be left out
    op.execute(search_postgresql.TABLES)
    op.execute(search_postgresql.FUNCTIONS)
    op.execute(search_postgresql.FILL)
    op.execute(search_postgresql.SEARCH)
    op.execute(search_postgresql.TRIGGERS)


def _make_extensions() -> None:
    """Make what is not there yet. Raises DatabaseNotReadyError if the database's owner has to."""
    connection = op.get_bind()
    there = set(connection.scalars(sa.text("SELECT extname FROM pg_extension")))
    missing = [name for name in ("pg_trgm", "unaccent") if name not in there]
    try:
        for name in missing:
            op.execute(f"CREATE EXTENSION {name}")
    except (sa.exc.NotSupportedError, sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
        statements = " ".join(f"CREATE EXTENSION {name};" for name in missing)
        raise DatabaseNotReadyError(
            "The search needs extensions of PostgreSQL (package postgresql-contrib), and this user cannot make them"
            f" ({str(error.orig).strip().splitlines()[0]}). Have the database's owner run: {statements}"
        ) from error
