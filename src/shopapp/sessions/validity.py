"""Whether a person's session may go on, by the account's own record: the app is asked once a minute for each session.

The list of a person's sessions is in Redis, and Redis may lose it: then a password change would end no session but
those that it finds. So each session keeps the mark that the account's record had when its person proved who they are,
and goes on only as long as the record still has that mark. A mark is compared, never ordered: no clock decides, and a
login that was judged before a change has the mark from before it, however late it is stored.
"""

import logging
from collections.abc import Callable
from threading import Lock

from pyramid.config import Configurator
from pyramid.request import Request

from shopapp.events import SessionIndexLost
from shopapp.sessions.clock import now
from shopapp.sessions.header import Person
from shopapp.sessions.lookup import Lookup

VALIDITY = "shopapp.sessions.validity"
"""Where in the registry the app's :class:`Validity` is, if it has one."""

CHECK_SECONDS = 59
"""A minute at most: the clock counts in whole seconds."""

RETRY_SECONDS = 5
"""So long is nothing asked of a record that could not be read: else each request would wait for it."""

MOST_CHECKED = 100_000
"""Sessions whose last check is remembered: some 200 bytes each. One that is not is checked again."""

Mark = Callable[[Request, int | str], str | None]
"""Returns what the account's own record says by now; None if this person may have no session at all. Raises
CannotCheckError."""

log = logging.getLogger(__name__)


class CannotCheckError(Exception):
    """The account's own record cannot be read at the moment. The session goes on, and is checked when it can be.

    ``only_here``: this process alone cannot, for it is busy. Others may change the record meanwhile, so the next
    request tries again; else none does for some seconds.
    """

    def __init__(self, *args: object, only_here: bool = False) -> None:
        super().__init__(*args)
        self.only_here = only_here


class Validity:
    """When each session was checked in this process, and the function that checks."""

    def __init__(self, mark_of: Mark) -> None:
        self._mark_of = mark_of
        self._checked: dict[str, tuple[int, int | str]] = {}
        self._lock = Lock()
        self._away_until = self._told_until = 0

    def holds(self, request: Request, handle: str, person: Person) -> bool:
        """Tell whether the person's session of this handle may go on. Raises what the app's function does."""
        moment = now()
        if not self._is_due(handle, person, moment):
            return True
        try:
            mark = self._mark_of(request, person.user_id)
        except CannotCheckError as error:
            self._note_unread(error)
            return True
        is_valid = person.is_valid_by(mark)
        with self._lock:
            self._away_until = 0
            self._checked.pop(handle, None)
            if is_valid:
                self._checked[handle] = (moment, person.user_id)
            if len(self._checked) > MOST_CHECKED:
                del self._checked[next(iter(self._checked))]  # the one checked longest ago
        return is_valid

    def forget(self, user_id: int | str) -> None:
        """Have each session of the person checked at its next request."""
        with self._lock:
            for handle in [handle for handle, (_, of) in self._checked.items() if of == user_id]:
                del self._checked[handle]

    def _note_unread(self, error: CannotCheckError) -> None:
        moment = now()
        with self._lock:
            # While nobody can read the record nobody can change it either, so nothing new is missed.
            self._away_until = 0 if error.only_here else moment + RETRY_SECONDS
            is_told = error.only_here and 0 < self._told_until - moment <= RETRY_SECONDS
            if not is_told:
                self._told_until = moment + RETRY_SECONDS
        if not is_told:  # one line is enough for all the requests that find no connection
            log.error("sessions_not_checked error=%r", error.__cause__ or error)

    def _is_due(self, handle: str, person: Person, moment: int) -> bool:
        with self._lock:
            checked, user_id = self._checked.get(handle, (0, None))
            # A clock that was put back must not put the next check off.
            if user_id == person.user_id and 0 <= moment - checked < CHECK_SECONDS:
                return False
            if not self._away_until:
                return True
            if 0 < self._away_until - moment <= RETRY_SECONDS:
                return False
            self._away_until = moment + RETRY_SECONDS  # this request looks whether it is back, and no other
            return True


def check_sessions_by(config: Configurator, mark_of: Mark) -> None:
    """Have each session of a person checked against the account's own record, once a minute and process.

    ``mark_of`` is called with the request and the person's id. The session goes on if it returns the mark that
    ``UserLoggedIn`` had, or that ``keep_valid`` has given it since; else it is ended as ``revoked``. There is one such
    function: a second is a ConfigurationConflictError.
    """

    def register() -> None:
        config.registry[VALIDITY] = Validity(mark_of)

    config.action(VALIDITY, register)


def still_valid(request: Request, lookup: Lookup) -> bool:
    """Tell whether the live session that was found may go on."""
    validity: Validity | None = request.registry.get(VALIDITY)
    person = lookup.record.header.person if lookup.record else None
    return validity is None or person is None or validity.holds(request, lookup.handle, person)


def on_session_index_lost(event: SessionIndexLost) -> None:
    """Check the person's other sessions at their next request: nobody may be able to list them."""
    validity: Validity | None = event.request.registry.get(VALIDITY)
    if validity:
        validity.forget(event.user_id)
