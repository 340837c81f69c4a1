"""Mail for development: it goes into a folder, each message a file that mail programs open, and is read there."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from shopapp.mail.transport import AwayError

NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z-\d{1,20}\.eml")
"""The time and the letter's id. What else lies in the folder is not ours, and not shown."""


class MailFolder:
    """The folder. What is in it opens accounts, so nobody but its owner may look into it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def send(self, letter_id: int, message: EmailMessage) -> None:
        """Write the message, all of it or nothing. Raises AwayError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = self.path / f".{os.getpid()}-{letter_id}.part"
            part.unlink(missing_ok=True)  # from a process that was killed
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(message.as_bytes())
            try:
                self._name(part, letter_id)
            finally:
                part.unlink()
        except OSError as error:
            raise AwayError(f"the folder for mail cannot be written: {error.strerror}") from error

    def names(self) -> list[str]:
        """Return the names of all messages, the newest first."""
        with suppress(OSError):
            return sorted((name for name in os.listdir(self.path) if NAME.fullmatch(name)), reverse=True)
        return []

    def read(self, name: str) -> EmailMessage | None:
        """Return the message of that name."""
        if not NAME.fullmatch(name):
            return None
        try:
            content = (self.path / name).read_bytes()
        except OSError:  # thrown away meanwhile
            return None
        return message_from_bytes(content, policy=default)

    def messages(self) -> Iterator[tuple[str, EmailMessage]]:
        """Return all messages with their names, the newest first."""
        for name in self.names():
            if message := self.read(name):
                yield name, message

    def _name(self, part: Path, letter_id: int) -> None:
        """Give the file its name: a later one if there is such a file, for SQLite gives ids again."""
        now = datetime.now(UTC)
        while True:
            with suppress(FileExistsError):
                os.link(part, self.path / f"{now:%Y%m%dT%H%M%S.%f}Z-{letter_id}.eml")
                return
            now += timedelta(microseconds=1)
