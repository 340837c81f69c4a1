"""The way into the outbox: a letter is written down in the transaction of what it tells, and sent after its commit."""

from collections.abc import Callable
from typing import Any

from pyramid.config import Configurator
from pyramid.registry import Registry
from pyramid.request import Request
from sqlalchemy.orm import Session

from shopapp.mail.counting import count_when_committed
from shopapp.mail.models import Letter

KINDS = "shopapp.mail.kinds"
"""Where in the registry the kinds of letters are: name to :data:`Compose`."""

SENDER = "shopapp.mail.sender"
"""Where in the registry the app's :class:`shopapp.mail.sending.Sender` is."""

FOLDER = "shopapp.mail.folder"
"""And its :class:`shopapp.mail.folder.MailFolder`, if mail goes into one."""

POSTMAN = "shopapp.mail.postman"
"""And its :class:`shopapp.mail.postman.Postman`, if the app sends mail by itself."""

Compose = Callable[[Session, Letter], dict[str, Any] | None]
"""Looks up what the letter says when it is sent, as variables for ``mail/templates/<kind>.jinja2``. May write, such as
a link's hash: that is committed before the mail leaves. None: there is nothing to tell any more."""


def add_letter(config: Configurator, kind: str, compose: Compose) -> None:
    """Have letters of this kind written so. Raises ValueError if another part does so already."""
    kinds = config.registry.setdefault(KINDS, {})
    if kinds.setdefault(kind, compose) is not compose:
        raise ValueError(f"letters of the kind {kind!r} are written by another part already")


def post(dbsession: Session, kind: str, recipient: str, **data: Any) -> None:
    """Put a letter into the outbox, in the transaction of ``dbsession``."""
    dbsession.add(Letter(kind=kind, recipient=recipient, data=data))
    count_when_committed(dbsession, kind)


def send_soon(request: Request) -> None:
    """Have what was posted sent as soon as the request's transaction is committed. Nothing is if it is not."""
    request.tm.get().addAfterCommitHook(_after_commit, args=(request.registry,))


def wake(registry: Registry) -> None:
    """Have what is in the outbox sent now, after a transaction that is not the request's."""
    if postman := registry.get(POSTMAN):
        postman.wake()


def _after_commit(committed: bool, registry: Registry) -> None:
    if committed:
        wake(registry)
