"""Counts letters, by kind and by what became of them."""

from prometheus_client import Counter
from sqlalchemy import event
from sqlalchemy.orm import Session

LETTERS = Counter("shopapp_letters", "Mail, by kind and by what became of it", ["kind", "outcome"])

OUTCOMES = ("written", "sent", "put_off", "given_up", "dropped")


def count_when_committed(dbsession: Session, kind: str) -> None:
    """Count a letter that was written into the outbox, when its transaction is committed and never if it is not."""

    def count(_dbsession: Session) -> None:
        LETTERS.labels(kind, "written").inc()

    event.listen(dbsession, "after_commit", count, once=True)
