"""The database: the engine, the base class of all models and the session of one request. Knows no table."""

import time
import weakref
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from sqlite3 import OperationalError
from typing import TYPE_CHECKING

import pyramid_tm
import zope.sqlalchemy
from pyramid.config import Configurator
from pyramid.request import Request
from sqlalchemy import DateTime, Dialect, Engine, MetaData, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from shopapp.settings.shop import ShopSettings

BUSY_TIMEOUT_MILLISECONDS = 5000
"""How long a SQLite writer waits for another one: far longer than any transaction of the shop takes."""

CACHE_KIBIBYTES = 16_000
"""How much of the file a SQLite connection keeps. Of the default, 2 MB, a search in 100,000 products has no use."""

CONNECT_TIMEOUT_SECONDS = 5
"""How long to wait for PostgreSQL. Without it an unreachable host holds a thread for the kernel's two minutes."""


class DatabaseSetupError(Exception):
    """The database cannot even be asked: the message says why, and what to do."""


class Base(DeclarativeBase):
    """The base class of all models. Constraints are named, so that a migration can drop them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in time: aware and in UTC on both sides, also on SQLite, which stores no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Turn it into UTC. Raises ValueError for a naive one, whose time zone could only be guessed."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime needs a time zone: use datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Give it back aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def create_engine_from(shop: "ShopSettings") -> Engine:
    """Return the engine for ``shop.database_url``. It connects when it is first used, not here.

    Raises DatabaseSetupError if the driver is missing, or SQLite's folder cannot be made.
    """
    url = make_url(shop.database_url)
    hide = shop.production  # or an error's message, and so the log, has the values: addresses, password hashes
    if url.get_backend_name() == "sqlite":
        return _create_sqlite_engine(url, hide_parameters=hide)
    if url.drivername == "postgresql":  # where SQLAlchemy would take psycopg2
        url = url.set(drivername="postgresql+psycopg")
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(CONNECT_TIMEOUT_SECONDS)})
    try:
        # The ping costs a round trip and saves the first requests after the server restarted from an error.
        return create_engine(url, pool_pre_ping=True, hide_parameters=hide)
    except ImportError as error:  # there is no psycopg, or it finds no libpq
        raise DatabaseSetupError(
            f"The driver of PostgreSQL cannot be loaded ({error}). Run: pip install 'shopapp[postgresql]'"
        ) from error


def _create_sqlite_engine(url: URL, *, hide_parameters: bool) -> Engine:
    if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
        _make_folder(Path(url.database).parent)
    engine = create_engine(url, hide_parameters=hide_parameters)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseSetupError(
            f"The folder of the database, {folder}, cannot be made ({error.strerror}). Make it, for the user that the"
            " shop runs as, or write another path into shop.database_url"
        ) from error


def _prepare_sqlite(connection: SqliteConnection, _record: object) -> None:
    """Make a SQLite connection behave as PostgreSQL does.

    Transactions are left to the sqlite3 module, which begins one at the first write: so every read sees the latest
    commit, as in PostgreSQL's READ COMMITTED, and a write after a read waits its turn. With BEGIN before the read it
    would fail at once ("database is locked", whatever the timeout) if anyone had written in between.
    """
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MILLISECONDS}")  # first: the next one may have to wait
    _use_wal(connection)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")


def _use_wal(connection: SqliteConnection) -> None:
    """Have readers and the writer not block each other. Of processes that open a new file at once one makes the change,
    and SQLite turns the others away without the busy timeout, so they try again for that long.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MILLISECONDS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def can_be_stored(text: str) -> bool:
    """Tell whether a database can take this text, as a value or to compare with; if not, it raises or finds nothing."""
    try:
        text.encode()  # no driver encodes half of a surrogate pair
    except UnicodeEncodeError:
        return False
    return "\0" not in text  # PostgreSQL refuses it


def open_dbsession(request: Request) -> Session:
    """Return a session whose work is committed or rolled back with ``request.tm``. It connects at its first SQL."""
    dbsession = request.registry["shopapp.sessionmaker"]()
    zope.sqlalchemy.register(dbsession, transaction_manager=request.tm)
    return dbsession


def includeme(config: Configurator) -> None:
    """Give every request ``request.dbsession``, in a transaction that ends before the response leaves."""
    config.add_settings(
        {
            # Or pyramid_tm asks every request who the user is, to write it on the transaction: that would load the
            # session from Redis for pages that need none.
            "tm.annotate_user": False,
            # Work outside of a transaction is an error instead of a change that is lost without a word.
            "tm.manager_hook": pyramid_tm.explicit_manager,
            # A request that was refused (4xx) or failed (5xx) changes nothing, even if it was answered by a return.
            "tm.commit_veto": pyramid_tm.default_commit_veto,
        }
    )
    config.include("pyramid_tm")
    config.registry["shopapp.sessionmaker"] = sessionmaker(open_engine(config))
    config.add_request_method(open_dbsession, "dbsession", reify=True)


def open_engine(config: Configurator) -> Engine:
    """Return an engine with connections of its own, which are closed when the app is done."""
    engine = create_engine_from(config.registry["shopapp.settings"].shop)
    # Pyramid never says that an app is done. Its registry goes with it, at exit at the latest.
    weakref.finalize(config.registry, engine.dispose)
    return engine
