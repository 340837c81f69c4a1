"""PostgreSQL that may hang: connections on which no wait is endless, and a pool that does not queue behind a hang.

A server that is frozen acknowledges what is sent to it and never answers, its own statement_timeout included; the
kernel's timeouts see nothing wrong either. So the wait itself has an end on this side.
"""

import logging
import time
from collections.abc import Callable, Generator
from typing import Any

import psycopg
from sqlalchemy import Engine, PoolProxiedConnection, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from shopapp.db.away import DatabaseBusy
from shopapp.db.watch import ANSWER_SECONDS, DOUBT_SECONDS, LOOK_SECONDS, Waits, Watch

log = logging.getLogger(__name__)

MARGIN_SECONDS = 1.0
"""So much later than the server does this side end a statement: its own end says more, and keeps the connection."""

IDLE_SECONDS = 60
"""A transaction that asks nothing for so long is of a process that is gone: the server ends it, and its locks."""


class SilentError(psycopg.OperationalError):
    """There was no answer, and there will be none."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed, with SilentError, when the server does not answer."""

    watch: Watch | None = None
    waits: Waits
    seconds: float | None = None

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **options: Any) -> Any:
        """Wait as psycopg does, but not for ever. Raises SilentError."""
        if self.watch is None:
            return super().wait(gen, *args, **options)
        with self.waits.waiting() as began:
            try:
                return super().wait(self._bounded(gen, began), *args, **options)
            except SilentError:
                self.close()
                raise

    def _bounded(self, gen: Generator[Any, Any, Any], began: float) -> Generator[Any, Any, Any]:
        """Go through the same steps, and look at the clock where psycopg has waited for a tenth of a second in vain."""
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready:
                    self._look(time.monotonic() - began)
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value

    def _look(self, waited: float) -> None:
        assert self.watch is not None  # noqa: S101 - wait() has looked
        if self.seconds is not None and waited > self.seconds:
            raise SilentError(f"no answer within {self.seconds:.0f} seconds")
        if waited > DOUBT_SECONDS:
            if self.watch.away:
                raise SilentError("the database answers nobody")
            self.watch.doubt()


class PatientPool(QueuePool):
    """A pool of which nobody waits for a connection while all that have one wait in vain, and have for a second.

    From then on so many threads, and no more, are held by a database that hangs; the rest of the server goes on.
    Before, it may be that they are slow: then who comes waits for them, for ``patience`` seconds.
    """

    watch: Watch
    waits: Waits
    patience: float
    _stuck_since: float | None = None

    def connect(self) -> PoolProxiedConnection:
        """Return a connection. Raises DatabaseUnavailable instead of waiting for one that nobody will give back."""
        deadline, looks_in_vain = time.monotonic() + self.patience, 0
        while True:
            self.watch.refuse_if_away()
            since = self._all_wait_since()
            if since is not None and since == self._stuck_since:
                raise DatabaseBusy.because("nobody gets an answer", told=True)
            try:
                return super().connect()
            except PoolTimeoutError:
                if time.monotonic() > deadline:
                    raise DatabaseBusy.because("no connection has become free") from None
            since = self._all_wait_since()
            is_in_vain = since is not None and time.monotonic() - since > ANSWER_SECONDS
            # Twice, for it may be this process that has not run for that long.
            looks_in_vain = looks_in_vain + 1 if is_in_vain else 0
            if looks_in_vain > 1:
                self._note_stuck(since)

    def recreate(self) -> "PatientPool":
        """Return an empty pool of the same kind."""
        pool: PatientPool = super().recreate()
        pool.watch, pool.waits, pool.patience = self.watch, self.waits, self.patience
        return pool

    def _all_wait_since(self) -> float | None:
        since = self.waits.all_since(self.size())
        # What was waited for while the database was away says nothing of one that is back.
        return None if since is None else max(since, self.watch.back_at)

    def _note_stuck(self, since: float | None) -> None:
        """Until one of those who wait gets an answer, others are refused at once: nobody finds it out a second time."""
        if since != self._stuck_since:
            self._stuck_since = since
            log.warning("database_stuck connections=%s", self.size())
        self.watch.doubt()


def create_plain_engine(url: URL, *, hide_parameters: bool) -> Engine:
    """Return an engine for tools, which may wait."""
    # The ping costs a round trip and saves the first requests after the server restarted from an error.
    return create_engine(url, pool_pre_ping=True, hide_parameters=hide_parameters)


def create_bounded_engine(
    url: URL, watch: Watch, *, hide_parameters: bool, connections: int, patience: float, statement_seconds: float | None
) -> Engine:
    """Return an engine for requests: none of them waits for long."""
    engine = create_engine(
        url,
        pool_pre_ping=True,
        hide_parameters=hide_parameters,
        poolclass=PatientPool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=LOOK_SECONDS,  # of one look; how many there are the pool decides
        connect_args={"options": _server_options(url, statement_seconds)},
    )
    pool = engine.pool
    assert isinstance(pool, PatientPool)  # noqa: S101 - it was made a line above
    pool.watch, pool.waits, pool.patience = watch, Waits(), patience
    waits = pool.waits  # the same for a pool that takes this one's place: do_connect knows no pool

    def connect(_dialect: Any, _record: Any, arguments: list[Any], keywords: dict[str, Any]) -> BoundedConnection:
        watch.refuse_if_away()
        with waits.waiting():
            connection = BoundedConnection.connect(*arguments, **keywords)
        connection.watch, connection.waits = watch, waits
        connection.seconds = None if statement_seconds is None else statement_seconds + MARGIN_SECONDS
        return connection

    event.listen(engine, "do_connect", connect)
    return engine


def question(url: URL) -> Callable[[], None]:
    """Return a function that asks the server something on a new connection, and raises what psycopg does."""
    arguments, keywords = create_engine(url).dialect.create_connect_args(url)

    def ask() -> None:
        with BoundedConnection.connect(*arguments, autocommit=True, **keywords) as connection:
            connection.watch, connection.waits, connection.seconds = Watch(), Waits(), ANSWER_SECONDS
            connection.execute("SELECT 1")

    return ask


def _server_options(url: URL, statement_seconds: float | None) -> str:
    """Return what the server is told when a connection begins, in addition to what the URL says."""
    told = [f"-c idle_in_transaction_session_timeout={IDLE_SECONDS}s"]
    if statement_seconds is not None:
        told.append(f"-c statement_timeout={int(statement_seconds * 1000)}")
    given = url.query.get("options", "")
    return " ".join([*told, given if isinstance(given, str) else " ".join(given)]).strip()  # the last one wins
