"""What the tests of mail share: an outbox on each database, and who sends what is in it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from shopapp.db import create_engine_from
from shopapp.mail.folder import MailFolder
from shopapp.mail.letter import LetterWriter
from shopapp.mail.models import Letter
from shopapp.mail.outbox import post
from shopapp.mail.sending import Sender
from shopapp.mail.transport import Transport
from shopapp.settings.shop import ShopSettings


class Outbox:
    """The outbox of one database, with kinds of letters of the test's own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.engine = create_engine_from(ShopSettings(database_url=url))
        self.sessions: sessionmaker[Session] = sessionmaker(self.engine)
        self.kinds: dict[str, Callable[..., Any]] = {"trial": lambda _dbsession, _letter: {}}
        self.folder = MailFolder(folder)

    def post(self, *recipients: str, kind: str = "trial", **data: Any) -> None:
        """Post a letter to each, in this order."""
        for recipient in recipients:
            with self.sessions.begin() as dbsession:
                post(dbsession, kind, recipient, **data)

    def sender(self, transport: Transport | None = None) -> Sender:
        """Return one that sends to the folder, or elsewhere."""
        writer = LetterWriter(ShopSettings(), "Shop <shop@shop.example>")
        return Sender(self.sessions, self.kinds, writer, transport or self.folder)

    def rows(self) -> list[Letter]:
        """Return what is in the outbox."""
        with self.sessions() as dbsession:
            return list(dbsession.query(Letter).order_by(Letter.id))

    def pass_time(self, pause: timedelta) -> None:
        """Have what was put off wait so much less."""
        with self.sessions.begin() as dbsession:
            for letter in dbsession.query(Letter).where(Letter.next_try_at.is_not(None)):
                letter.next_try_at -= pause


@pytest.fixture
def outbox(each_migrated_url: str, tmp_path: Path) -> Iterator[Outbox]:
    """An empty outbox; on each database."""
    made = Outbox(each_migrated_url, tmp_path / "mail")
    yield made
    made.engine.dispose()
