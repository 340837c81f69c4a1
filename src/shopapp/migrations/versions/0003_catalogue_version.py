"""The catalogue's version: table catalogue, and triggers that raise it in the transaction of each change.

By triggers, so that SQL by hand raises it as the app does. A later migration that alters one of the tables keeps them
by kept_triggers().
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("category", "product")
CHANGES = ("insert", "update", "delete")

# At the end of the transaction and once in it: whoever raises the version holds its row until the commit, so a raise
# before the last row is changed would have two transactions wait for each other.
POSTGRESQL = """
CREATE FUNCTION raise_catalogue_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE catalogue SET version = version + 1 WHERE xmin <> pg_current_xact_id()::xid;
  RETURN NULL;
END $$
"""
POSTGRESQL_TRIGGERS = """
CREATE CONSTRAINT TRIGGER {table}_raises_version AFTER INSERT OR UPDATE OR DELETE ON {table}
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION raise_catalogue_version();
CREATE TRIGGER {table}_raises_version_at_truncate AFTER TRUNCATE ON {table}
  FOR EACH STATEMENT EXECUTE FUNCTION raise_catalogue_version()
"""
SQLITE_TRIGGER = """
CREATE TRIGGER {table}_raises_version_at_{change} AFTER {change} ON {table} BEGIN
  UPDATE catalogue SET version = version + 1;
END
"""


def upgrade() -> None:
    """Make the table, of one row, and the triggers."""
    catalogue = op.create_table("catalogue", sa.Column("version", sa.BigInteger(), nullable=False))
    op.bulk_insert(catalogue, [{"version": 1}])
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            for change in CHANGES:
                op.execute(SQLITE_TRIGGER.format(table=table, change=change))
    else:
        op.execute(POSTGRESQL)
        for table in TABLES:
            op.execute(POSTGRESQL_TRIGGERS.format(table=table))


def downgrade() -> None:
    """Drop them, if they are there: to make lost triggers again is one use of it."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in TABLES:
        for name in (*CHANGES,) if sqlite else ("", "truncate"):
            trigger = f"{table}_raises_version" + (f"_at_{name}" if name else "")
            op.execute(f"DROP TRIGGER IF EXISTS {trigger}" + ("" if sqlite else f" ON {table}"))
    if not sqlite:
        op.execute("DROP FUNCTION raise_catalogue_version()")
    op.drop_table("catalogue")
