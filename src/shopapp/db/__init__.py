"""The database: the base class of all models and the session of one request. Knows no table."""

import weakref
from datetime import UTC, datetime

import pyramid_tm
import zope.sqlalchemy
from pyramid.config import Configurator
from pyramid.registry import Registry
from pyramid.request import Request
from sqlalchemy import DateTime, Dialect, Engine, MetaData
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from shopapp.db.away import DatabaseSetupError, DatabaseUnavailable
from shopapp.db.engines import Use, create_engine_from, create_serving_engine, make_watch
from shopapp.db.watch import Watch

__all__ = [
    "Base",
    "DatabaseSetupError",
    "DatabaseUnavailable",
    "UtcDateTime",
    "can_be_stored",
    "create_engine_from",
    "database_watch",
    "open_engine",
]

WATCH = "shopapp.database"
"""Where in the registry the app's :class:`Watch` is."""


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
    watch = config.registry[WATCH] = make_watch(config.registry["shopapp.settings"].shop)
    weakref.finalize(config.registry, watch.stop)
    config.registry["shopapp.sessionmaker"] = sessionmaker(open_engine(config, "transactions"))
    config.add_request_method(open_dbsession, "dbsession", reify=True)


def open_engine(config: Configurator, use: Use) -> Engine:
    """Return an engine with connections of its own, which are closed when the app is done."""
    engine = create_serving_engine(config.registry["shopapp.settings"].shop, config.registry[WATCH], use)
    # Pyramid never says that an app is done. Its registry goes with it, at exit at the latest.
    weakref.finalize(config.registry, engine.dispose)
    return engine


def database_watch(registry: Registry) -> Watch:
    """Return what this process knows of its database: whether it is away, and who waits for it."""
    found: Watch = registry[WATCH]
    return found
