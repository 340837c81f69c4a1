"""Whether the database answers, as one process knows it: who waits for it, and a question when a wait is long.

A request that waits cannot tell a slow statement from a server that hangs. So it has somebody else ask, on a connection
made for that: one thread, which begins when there is a doubt, asks until there is an answer, and ends. Until then
nobody waits: who waits already gives up, and who comes is refused. No request is ever used to find out.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from weakref import WeakSet

from shopapp.db.away import DatabaseUnavailable, reason_of

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
"""So often does who waits for somebody else's answer look whether anybody has got one."""

DOUBT_SECONDS = 0.25
"""After so long a wait it is asked whether the database answers anybody."""

ANSWER_SECONDS = 1.0
"""So long may that answer take: enough for a new connection to a server in another country."""

PAUSE_SECONDS = 0.25
"""Between two questions while it is away: it is back within a second, and a server that starts is left in peace."""

CALM_SECONDS = 1.0
"""Between two questions while it answers: where all statements are slow, each would ask."""


class Waits:
    """Who waits for an answer at this moment, on the connections of one pool."""

    def __init__(self) -> None:
        self._began: dict[object, float] = {}
        _living.add(self)

    @contextmanager
    def waiting(self) -> Iterator[float]:
        """Around a wait for the database; the value is when it began."""
        wait, began = object(), time.monotonic()
        self._began[wait] = began
        try:
            yield began
        finally:
            self._began.pop(wait, None)

    def all_since(self, connections: int) -> float | None:
        """Since when all of so many connections wait, and none has got an answer; None if not all of them do."""
        began = list(self._began.values())
        return max(began) if len(began) >= connections else None

    def forget(self) -> None:
        """Start anew, in a process that was forked: the threads that wait are not there."""
        self._began = {}


class Watch:
    """What a process knows of its database. ``ask`` raises if that does not answer; None where there is no server."""

    def __init__(self, ask: Callable[[], None] | None = None) -> None:
        self._ask = ask
        self._lock, self._stopped = Lock(), Event()
        self._asking_since: float | None = None
        self._away_since: float | None = None
        self._refuses, self._calm_until = False, 0.0
        self.watcher: Callable[[bool], None] | None = None
        """Told when the database goes away (True) and when it is back. What it raises is logged."""
        self.back_at = 0.0
        """When it was last found to be back, by the clock of :meth:`Waits.waiting`."""
        _living.add(self)

    @property
    def away(self) -> bool:
        """Whether the database is known to be away, or has let a question wait for too long."""
        return self._refuses or self._unanswered_for(ANSWER_SECONDS)

    @property
    def doubtful(self) -> bool:
        """Whether it is away, or will be in a moment if things go on like that."""
        return self._refuses or self._unanswered_for(DOUBT_SECONDS)

    def _unanswered_for(self, seconds: float) -> bool:
        since = self._asking_since
        return since is not None and time.monotonic() - since > seconds

    def refuse_if_away(self) -> None:
        """Raise DatabaseUnavailable if it is known that nobody would be answered."""
        if self.away:
            raise DatabaseUnavailable.because("the database did not answer a moment ago", told=True)

    def doubt(self, reason: str = "") -> bool:
        """Have it asked whether the database is there. With a reason, a connection was lost or could not be made, and
        the log says so once. Return whether there is anybody to ask.
        """
        if self._ask is None:
            return False
        with self._lock:
            if reason:
                self._note_away(reason)
            if self._asking_since is not None or (not reason and time.monotonic() < self._calm_until):
                return True
            self._asking_since = time.monotonic()
        # It begins here, in the process that has the doubt: a server that forks takes no thread along.
        try:
            Thread(target=self._find_out, name="database-watch", daemon=True).start()
        except RuntimeError as error:  # the process may have no more threads
            log.error("database_not_asked error=%r", str(error))
            with self._lock:  # nobody asks: that is no question without an answer, and a later doubt tries again
                self._asking_since, self._calm_until = None, time.monotonic() + CALM_SECONDS
        return True

    def stop(self) -> None:
        """The app is done: no more questions."""
        self._stopped.set()

    def forget(self) -> None:
        """Start anew, in a process that was forked: the thread that asks is not there."""
        self._lock, is_stopped, self._stopped = Lock(), self._stopped.is_set(), Event()
        if is_stopped:
            self._stopped.set()
        self._asking_since = self._away_since = None
        self._refuses, self._calm_until = False, 0.0

    def _find_out(self) -> None:
        assert self._ask is not None  # noqa: S101 - doubt() has looked
        while not self._stopped.is_set():
            try:
                self._ask()
            except Exception as error:
                self._no_answer(reason_of(error))
            else:
                self._answered()
                return
            self._stopped.wait(PAUSE_SECONDS)

    def _no_answer(self, reason: str) -> None:
        with self._lock:
            self._note_away(reason)
            # A server that refuses a new connection answers: those that are open may be as good as ever.
            self._refuses = "FATAL" not in reason
            self._asking_since = time.monotonic()

    def _answered(self) -> None:
        with self._lock:
            if self.away or self._away_since is not None:
                self.back_at = time.monotonic()
            if self._away_since is not None:
                log.warning("database_back after=%.1fs", time.monotonic() - self._away_since)
                self._tell(False)
            self._asking_since = self._away_since = None
            self._refuses, self._calm_until = False, time.monotonic() + CALM_SECONDS

    def _note_away(self, reason: str) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            log.error("database_away reason=%r", reason)
            self._tell(True)

    def _tell(self, is_away: bool) -> None:
        if self.watcher is not None:
            try:
                self.watcher(is_away)
            except Exception:
                log.exception("watcher_failed")


_living: WeakSet[Waits | Watch] = WeakSet()


def _forget_all() -> None:
    for each in list(_living):
        each.forget()


os.register_at_fork(after_in_child=_forget_all)
