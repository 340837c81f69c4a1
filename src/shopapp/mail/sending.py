"""Sends what is due, each letter once, however many processes do so at the same time.

Whoever takes a letter up moves its next try on, in one statement: for that long it has the letter to itself. It is
composed in a second transaction and deleted in a third, and none is open while a mail server is talked to. Killed in
between, it leaves a letter that is sent when that time is over: perhaps for the second time, never lost.
"""

import logging
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from shopapp.mail.counting import LETTERS
from shopapp.mail.letter import BadAddressError, LetterWriter
from shopapp.mail.models import Letter
from shopapp.mail.outbox import Compose
from shopapp.mail.transport import AwayError, NotSentError, RefusedError, Transport

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)
"""So long does who took a letter up have it alone: longer than a mail server can be talked to."""

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 30, 60, 120, *[240] * 11))
"""The pauses between the tries of one letter: 47 hours and 53 minutes in all."""

DELETE_TRIES = 5
"""How often, a second apart, it is tried to delete what has been sent."""


@dataclass
class Report:
    """What became of the letters that were due. ``away``: the rest were not tried, as no mail leaves now."""

    sent: int = 0
    dropped: int = 0
    failed: int = 0
    away: bool = False


@dataclass(frozen=True)
class Claim:
    """A letter that is ours alone until ``until``."""

    id: int
    kind: str
    tries: int
    until: datetime


class Sender:
    """Sends the letters of a shop."""

    def __init__(
        self,
        sessions: "sessionmaker[Session]",
        kinds: Mapping[str, Compose],
        writer: LetterWriter,
        transport: Transport,
    ) -> None:
        self._sessions, self._kinds, self._writer, self._transport = sessions, kinds, writer, transport

    def send_due(self) -> Report:
        """Send all letters that are due, and stop where none can leave. Raises SQLAlchemyError."""
        report = Report()
        while not report.away and (claim := self._claim()):
            self._try(claim, report)
        return report

    def _claim(self) -> Claim | None:
        now = datetime.now(UTC)
        until = now + LEASE
        # PostgreSQL passes over those that another process is taking up; on SQLite writers wait for one another.
        due = select(Letter.id).where(Letter.next_try_at <= now).order_by(Letter.next_try_at, Letter.id).limit(1)
        taking_up = (
            update(Letter)
            .where(Letter.id == due.with_for_update(skip_locked=True).scalar_subquery(), Letter.next_try_at <= now)
            .values(next_try_at=until, tries=Letter.tries + 1)
            .returning(Letter.id, Letter.kind, Letter.tries)
            .execution_options(synchronize_session=False)
        )
        with self._sessions.begin() as dbsession:
            # Asked first, since on SQLite an update that finds nothing to do still waits for all who write.
            row = dbsession.execute(taking_up).one_or_none() if dbsession.scalar(due) is not None else None
        return None if row is None else Claim(row.id, row.kind, row.tries, until)

    def _try(self, claim: Claim, report: Report) -> None:
        if claim.tries > len(PAUSES) + 1:  # it ended each process that took it up
            self._put_off(claim, report, "nobody came to an end with it", for_good=True)
            return
        try:
            message = self._compose(claim)
            if message is not None:
                self._transport.send(claim.id, message)
        except NotSentError as error:
            report.away = isinstance(error, AwayError)
            self._put_off(claim, report, error.reason, for_good=isinstance(error, RefusedError))
        except BadAddressError as error:
            self._put_off(claim, report, str(error), for_good=True)
        except Exception as error:
            # A fault in what one kind of letter says must not keep the others from leaving.
            self._put_off(claim, report, f"it could not be written: {place_of(error)}")
        else:
            report.sent += message is not None
            report.dropped += message is None
            self._done(claim, "dropped" if message is None else "sent")

    def _compose(self, claim: Claim) -> EmailMessage | None:
        """Return the message, after what composing it has written is committed; None if there is nothing to tell."""
        with self._sessions.begin() as dbsession:
            letter = dbsession.get_one(Letter, claim.id)
            variables = self._kinds[claim.kind](dbsession, letter)
            return None if variables is None else self._writer.write(letter, variables)

    def _done(self, claim: Claim, outcome: str) -> None:
        for tries_left in reversed(range(DELETE_TRIES)):
            try:
                with self._sessions.begin() as dbsession:
                    dbsession.execute(delete(Letter).where(*_is(claim)))
                break
            except SQLAlchemyError:  # what has left and is not deleted leaves again
                if not tries_left:
                    raise
                time.sleep(1)
        self._tell(logging.INFO, claim, outcome)

    def _put_off(self, claim: Claim, report: Report, reason: str, *, for_good: bool = False) -> None:
        report.failed += 1
        last = for_good or claim.tries > len(PAUSES)
        again_at = None if last else datetime.now(UTC) + PAUSES[claim.tries - 1]
        with self._sessions.begin() as dbsession:
            dbsession.execute(update(Letter).where(*_is(claim)).values(next_try_at=again_at))
        self._tell(logging.ERROR if last else logging.WARNING, claim, "given_up" if last else "put_off", reason)

    def _tell(self, level: int, claim: Claim, outcome: str, reason: str = "") -> None:
        LETTERS.labels(claim.kind, outcome).inc()
        more = f" tries={claim.tries} reason={reason!r}" if reason else ""
        log.log(level, "letter_%s id=%s kind=%s%s", outcome, claim.id, claim.kind, more)


def _is(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    """The letter, if it is still ours. By its id alone it might be another one: SQLite gives ids again."""
    return Letter.id == claim.id, Letter.next_try_at == claim.until


def place_of(error: Exception) -> str:
    """Return the error's type and where it was raised. Its message may quote a name, an address or a link."""
    if isinstance(error, SQLAlchemyError):
        return type(error).__name__
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {frame.filename.rpartition('/')[2]}:{frame.lineno}"
