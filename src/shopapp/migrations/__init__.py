"""The history of the database's tables, kept by Alembic. Holds no models: those live in the parts of the shop."""

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

ADVISORY_LOCK = 7_305_118_204
"""What processes that migrate one PostgreSQL database queue for: any number that no other program there uses."""

SEARCH_TABLES = ("product_search", "product_word")
"""How the names of tables begin that are no models: the two databases make them in different ways."""


class DatabaseNotReadyError(Exception):
    """The database's owner has to do something first; the message says what."""


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables up to ``revision``. Safe when several processes do it at once.

    Raises DatabaseNotReadyError if the database is newer than this version of the shop, among others.
    """
    try:
        command.upgrade(_config(connection), revision)
    except CommandError as error:
        if "locate revision" not in str(error):
            raise
        raise DatabaseNotReadyError(
            "The database is at a migration that this version of the shop does not have: it is newer, and there is"
            " nothing to upgrade. Run the newer shop's `shopapp db upgrade`"
        ) from error


def downgrade(connection: Connection, revision: str) -> None:
    """Take the tables back to ``revision``; ``base`` is before the first one and loses all data."""
    command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "shopapp:migrations")
    config.set_main_option("path_separator", "os")
    return config
