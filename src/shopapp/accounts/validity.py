"""Which sessions of a person are valid, by their account's own record: what Redis may have forgotten, SQL has not.

A session keeps the moment that stood in ``user.sessions_valid_from`` when its person showed the password, and is good
as long as that stands there. The moments are compared for being the same, so it does not matter whose clock made them.
"""

from datetime import UTC, datetime, timedelta

from pyramid.request import Request
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from shopapp.accounts.models import User
from shopapp.db.away import DatabaseBusy
from shopapp.sessions import CannotCheckError, keep_valid


def mark_of(user: User) -> str:
    """Return the mark for a session of the person, who has just shown the password that ``user`` was read with."""
    return _written(user.sessions_valid_from)


def current_mark(request: Request, user_id: int | str) -> str | None:
    """For ``config.check_sessions_by``: the mark of the account by now; None if it is disabled or not there any more.

    Raises CannotCheckError.
    """
    columns = select(User.sessions_valid_from, User.disabled_at).where(User.id == user_id)
    try:
        # Not the request's own transaction: that may be over, and a page that needs no SQL else should begin none.
        with request.registry["shopapp.sessionmaker"]() as dbsession:
            found = dbsession.execute(columns).one_or_none()
    except SQLAlchemyError as error:
        raise CannotCheckError(only_here=isinstance(error, DatabaseBusy)) from error
    return None if found is None or found.disabled_at else _written(found.sessions_valid_from)


def end_earlier_sessions(request: Request, user: User) -> None:
    """Have no session of the person be valid any more but this request's, if it is theirs; when the request's
    transaction is committed. Raises StoreUnavailable.
    """
    user.sessions_valid_from = next_moment(user)
    if request.authenticated_userid == user.id:
        keep_valid(request, mark_of(user))


def next_moment(user: User) -> datetime:
    """Return a moment that has not stood there before: now, or just after a later one, by a clock that goes ahead."""
    moment, last = datetime.now(UTC), user.sessions_valid_from
    return moment if last is None or moment > last else last + timedelta(microseconds=1)


def _written(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
