"""One exception for all the ways in which the database can be away or unable, told from mistakes of ours."""

from typing import Any, Self

from sqlalchemy.exc import DBAPIError, OperationalError

UNABLE = (
    "08",  # connection exceptions
    "25006",  # read-only: a standby, after a failover
    "28",  # the password was changed
    "40",  # a deadlock, or two transactions in each other's way: pyramid_retry has tried again by then
    "53",  # disk full, out of memory, too many connections
    "55P03",  # a lock that was not to be had in time
    "57",  # a statement that took too long, a server that stops or starts
    "58",  # its disk fails
)
"""How the codes begin (PostgreSQL, appendix A) of what is no mistake in a statement and may work in a moment."""

SQLITE_UNABLE = frozenset({5, 6, 8, 10, 13, 14, 15})
"""BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN and PROTOCOL, as SQLite numbers them."""


class DatabaseSetupError(Exception):
    """The database cannot even be asked: the message says why, and what to do."""


class DatabaseUnavailable(OperationalError):
    """The database cannot be reached or cannot serve. Of a change that was being committed nobody knows; any other was
    not made.
    """

    told = False
    """Whether the log has a line of the outage already, so that each request need not write its own."""

    @classmethod
    def because(cls, reason: str, *, told: bool = False) -> Self:
        """Return one for a database that was not even asked."""
        made = cls(None, None, TimeoutError(reason), hide_parameters=True)
        made.told = told
        return made

    @classmethod
    def of(cls, error: DBAPIError, *, hide_parameters: bool, told: bool) -> Self:
        """Return the same error as one of these."""
        made = cls(error.statement, error.params, error.orig, hide_parameters=hide_parameters)
        made.told = told
        return made

    @property
    def reason(self) -> str:
        """What the driver says, in one line."""
        return reason_of(self.orig)


class DatabaseBusy(DatabaseUnavailable):
    """This process has no connection free. The database may be as good as ever, for other processes."""


def is_unable(error: Any) -> bool:
    """Tell whether what a driver raised while it was connected says that the database cannot serve now."""
    number = getattr(error, "sqlite_errorcode", None)  # Python 3.11 and newer
    if number is not None:
        return number & 0xFF in SQLITE_UNABLE
    return (getattr(error, "sqlstate", None) or "").startswith(UNABLE)


def reason_of(error: Any) -> str:
    """Return what it says in one line, without the statement."""
    return " ".join(str(error).split())[:300]
