"""How much mail waits, from the database: one statement when somebody asks, and nobody waits for one that hangs."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Lock, Thread

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from shopapp.mail.models import Letter

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.5
"""A scrape is over soon, whatever the database does. What it has not told by then is left out."""


class WaitingLetters(Collector):
    """Looks into the outbox, by a thread that a database which hangs may keep."""

    def __init__(self, sessions: "sessionmaker[Session]") -> None:
        self._sessions = sessions
        self._thread: Thread | None = None
        self._found: tuple[int, int, float] | None = None
        self._lock = Lock()

    def collect(self) -> Iterator[Metric]:
        """Return the letters that wait and that were given up, and since when the first of those waits."""
        found = self._look()
        if found is None:
            return
        waiting, given_up, age = found
        letters = GaugeMetricFamily("shopapp_letters_waiting", "Letters that have not left", labels=["state"])
        letters.add_metric(["due"], waiting)
        letters.add_metric(["given_up"], given_up)
        yield letters
        yield GaugeMetricFamily("shopapp_letters_oldest_seconds", "How long the first that is due has waited", age)

    def _look(self) -> tuple[int, int, float] | None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._found = None
                self._thread = Thread(target=self._count, name="letters", daemon=True)
                self._thread.start()
            thread = self._thread
        thread.join(PATIENCE_SECONDS)
        return self._found

    def _count(self) -> None:
        is_due = Letter.next_try_at.is_not(None)
        asked = select(func.count(), func.count(Letter.next_try_at), func.min(Letter.created_at).filter(is_due))
        try:
            with self._sessions() as dbsession:
                total, due, oldest = dbsession.execute(asked).one()
        except Exception as error:
            log.warning("letters_not_counted error=%s", type(error).__name__)
            return
        age = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0
        self._found = due, total - due, max(0.0, age)
