"""Engines: the one that tools have, and those of a serving process, of which none waits for its database for long."""

from functools import partial
from importlib import import_module
from typing import Any, Literal

from sqlalchemy import Engine, event, make_url
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import DBAPIError

from shopapp.db.away import DatabaseSetupError, DatabaseUnavailable, is_unable, reason_of
from shopapp.db.sqlite import create_sqlite_engine
from shopapp.db.watch import Watch
from shopapp.settings.shop import ShopSettings

Use = Literal["transactions", "reads", "looks"]
"""What an engine is for: requests' transactions, what the catalogue reads between them, or looks at its version."""

BUSY_SECONDS = 5.0
"""How long a SQLite writer waits for another one where no setting says so: far longer than any transaction takes."""


def create_engine_from(shop: ShopSettings) -> Engine:
    """Return the engine for ``shop.database_url``. It connects when it is first used, not here.

    Raises DatabaseSetupError if the driver is missing, or SQLite's folder cannot be made.
    """
    url = _url(shop)
    if _is_sqlite(url):
        return _sqlite_engine(url, shop)
    engine: Engine = _postgresql().create_plain_engine(url, hide_parameters=_hides_parameters(shop))
    return engine


def make_watch(shop: ShopSettings) -> Watch:
    """Return what the engines of a process are to share. Raises DatabaseSetupError."""
    url = _url(shop)
    return Watch() if _is_sqlite(url) else Watch(_postgresql().question(url))


def create_serving_engine(shop: ShopSettings, watch: Watch, use: Use) -> Engine:
    """As :func:`create_engine_from`, for a process that serves: what says that the database is away is
    DatabaseUnavailable, and comes soon. Raises DatabaseSetupError.
    """
    url, hide = _url(shop), _hides_parameters(shop)
    if _is_sqlite(url):
        engine = _sqlite_engine(url, shop)
    else:
        engine = _postgresql().create_bounded_engine(
            url,
            watch,
            hide_parameters=hide,
            connections=_shares(shop.database_connections)[use],
            patience=shop.database_pool_timeout,
            statement_seconds=shop.database_statement_timeout,
        )
    event.listen(engine, "handle_error", partial(_on_error, watch, hide), retval=True)
    return engine


def _on_error(watch: Watch, hide_parameters: bool, context: ExceptionContext) -> BaseException | None:
    """Return what is raised in place of SQLAlchemy's exception; None: that itself."""
    error = context.sqlalchemy_exception
    if not isinstance(error, DBAPIError) or context.is_pre_ping:  # after a ping that failed it connects anew
        return None
    is_lost = context.is_disconnect or context.connection is None
    if not is_lost and not is_unable(error.orig):
        return None
    told = is_lost and watch.doubt(reason_of(error.orig))
    return DatabaseUnavailable.of(error, hide_parameters=hide_parameters, told=told)


def _shares(connections: int) -> dict[Use, int]:
    """Share out what a process may have. Those of one use never wait for those of another, or two requests that hold
    each the connection of their transaction could wait for one another.
    """
    reads = max(1, connections // 4)
    return {"transactions": connections - reads - 1, "reads": reads, "looks": 1}


def _sqlite_engine(url: URL, shop: ShopSettings) -> Engine:
    busy_seconds = BUSY_SECONDS if shop.database_statement_timeout is None else shop.database_statement_timeout
    return create_sqlite_engine(url, hide_parameters=_hides_parameters(shop), busy_seconds=busy_seconds)


def _postgresql() -> Any:
    """Import what needs psycopg, which not everybody has. Raises DatabaseSetupError."""
    try:
        return import_module("shopapp.db.postgresql")
    except ImportError as error:  # or it finds no libpq
        raise DatabaseSetupError(
            f"The driver of PostgreSQL cannot be loaded ({error}). Run: pip install 'shopapp[postgresql]'"
        ) from error


def _url(shop: ShopSettings) -> URL:
    url = make_url(shop.database_url)
    if _is_sqlite(url):
        return url
    if url.drivername == "postgresql":  # where SQLAlchemy would take psycopg2
        url = url.set(drivername="postgresql+psycopg")
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(shop.database_connect_timeout)})
    return url


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _hides_parameters(shop: ShopSettings) -> bool:
    return shop.production  # or an error's message, and so the log, has the values: addresses, password hashes
