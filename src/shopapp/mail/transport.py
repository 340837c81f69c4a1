"""How a message leaves the house, and the three ways in which it may not. Which way it goes ``mail.url`` says."""

from email.message import EmailMessage
from typing import Protocol


class NotSentError(Exception):
    """The message did not leave. ``reason`` is for the log: without an address, a password or a server's own words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RefusedError(NotSentError):
    """It never will: whoever would have to take it does not take it."""


class NotNowError(NotSentError):
    """This one was turned away for now; another one may fare better."""


class AwayError(NotSentError):
    """No message leaves at the moment."""


class Transport(Protocol):
    """Where messages go."""

    def send(self, letter_id: int, message: EmailMessage) -> None:
        """Hand the message over; once it returns, the message is theirs. Raises NotSentError."""
