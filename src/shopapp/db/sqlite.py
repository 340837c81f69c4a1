"""SQLite, behaving as PostgreSQL does."""

import time
from functools import partial
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from sqlite3 import OperationalError

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL

from shopapp.db.away import DatabaseSetupError

CACHE_KIBIBYTES = 16_000
"""How much of the file a SQLite connection keeps. Of the default, 2 MB, a search in 100,000 products has no use."""


def create_sqlite_engine(url: URL, *, hide_parameters: bool, busy_seconds: float) -> Engine:
    """Return the engine. A writer waits for another one for ``busy_seconds``. Raises DatabaseSetupError."""
    if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
        _make_folder(Path(url.database).parent)
    engine = create_engine(url, hide_parameters=hide_parameters)
    event.listen(engine, "connect", partial(_prepare, busy_seconds))
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseSetupError(
            f"The folder of the database, {folder}, cannot be made ({error.strerror}). Make it, for the user that the"
            " shop runs as, or write another path into shop.database_url"
        ) from error


def _prepare(busy_seconds: float, connection: SqliteConnection, _record: object) -> None:
    """Make a SQLite connection behave as PostgreSQL does.

    Transactions are left to the sqlite3 module, which begins one at the first write: so every read sees the latest
    commit, as in PostgreSQL's READ COMMITTED, and a write after a read waits its turn. With BEGIN before the read it
    would fail at once ("database is locked", whatever the timeout) if anyone had written in between.
    """
    connection.execute(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")  # first: the next one may have to wait
    _use_wal(connection, busy_seconds)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")


def _use_wal(connection: SqliteConnection, busy_seconds: float) -> None:
    """Have readers and the writer not block each other. Of processes that open a new file at once one makes the change,
    and SQLite turns the others away without the busy timeout, so they try again for that long.
    """
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
