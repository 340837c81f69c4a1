"""One question more that an app asks of Redis in the round trip which reads a request's session. Sessions understand
neither the question nor the answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

QUESTION = "shopapp.sessions.question"
ALONG = "_shopapp_sessions_along"

Question = Callable[[Request, str], tuple[str, ...] | None]


@dataclass(slots=True)
class Along:
    """A command to be sent along, and then its answer, which may be an exception."""

    command: tuple[str, ...]
    answer: Any = None


def read_along(config: Configurator, question: Question) -> None:
    """Have a command sent along whenever a request's session is read: it must change nothing.

    ``question`` is called with the request and the handle of the session that the request's cookie names, when nobody
    knows yet whether that opens anything, nor whose it is. It returns a command, as its words, or None. There is one
    question: a second is a ConfigurationConflictError.
    """

    def register() -> None:
        config.registry[QUESTION] = question

    config.action(QUESTION, register)


def came_along(request: Request, *command: str) -> Any:
    """Return Redis' answer to this very command if it came with the session, else None."""
    along: Along | None = request.__dict__.get(ALONG)
    if along is None or along.command != command or isinstance(along.answer, Exception):
        return None
    return along.answer


def along_with(request: Request, handle: str) -> Along | None:
    """Return what to send along with the reading of this request's session."""
    question: Question | None = request.registry.get(QUESTION)
    command = question(request, handle) if question else None
    if command is None:
        return None
    along = request.__dict__[ALONG] = Along(command)
    return along
