"""What the letters of accounts say, looked up when they are sent. A link's token is made here and kept nowhere."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from pyramid.config import Configurator
from sqlalchemy.orm import Session

from shopapp.accounts.links import find_waiting, make_token, new_link, sweep
from shopapp.accounts.models import User
from shopapp.accounts.store import find_user, stays_as_read
from shopapp.dates import moment_in
from shopapp.mail import add_letter
from shopapp.mail.models import Letter

Says = dict[str, Any] | None
"""The variables of the letter's template; None: there is nothing to tell any more."""


def add_letters(config: Configurator) -> None:
    """Register them all."""
    moment = moment_in(config.registry["shopapp.settings"].shop.locale)
    add_letter(config, "confirm", confirm)
    add_letter(config, "new_password", new_password)
    add_letter(config, "new_address", new_address)
    for kind in ("password_changed", "address_changed", "new_device"):
        add_letter(config, kind, _note(moment))


def confirm(dbsession: Session, letter: Letter) -> Says:
    """To an address that was entered at /register: the link, or that there is an account. A disabled one is told
    nothing, since nothing that the letter could offer would work.
    """
    link = find_waiting(dbsession, "register", letter.data["link"], letter.recipient)
    if link is None:
        return None
    user = find_user(dbsession, link.email)
    if user:
        return None if user.disabled_at else {"is_known": True}
    asked = {"next": letter.data["next"]} if letter.data["next"] else {}
    return {"is_known": False, "path": _path("/register/confirm", make_token(link), **asked)}


def new_password(dbsession: Session, letter: Letter) -> Says:
    """To an address that was entered at /password/forgotten: the link, if there is an account."""
    sweep(dbsession)
    user = find_user(dbsession, letter.recipient)
    # Whoever changes the address or the password meanwhile takes away the links that there are, not one to come.
    if user is None or not stays_as_read(dbsession, user):
        return None
    link = new_link("reset", user.email, user_id=user.id)
    dbsession.add(link)
    return {"path": _path("/password/reset", make_token(link))}


def new_address(dbsession: Session, letter: Letter) -> Says:
    """To the address that a person wants to have: the link, if nobody has that address."""
    link = find_waiting(dbsession, "email", letter.data["link"], letter.recipient)
    if link is None or find_user(dbsession, link.email):
        return None
    return {"path": _path("/account/email/confirm", make_token(link))}


def _note(moment: Callable[[datetime], str]) -> Callable[[Session, Letter], Says]:
    """What happened to an account, and when: true whatever has happened since."""

    def note(dbsession: Session, letter: Letter) -> Says:
        user = dbsession.get(User, letter.data["user"])
        when = moment(datetime.fromisoformat(letter.data["at"]).astimezone(UTC))
        return {**letter.data, "name": user.name, "when": when} if user else None

    return note


def _path(path: str, token: str, **asked: str) -> str:
    return f"{path}?{urlencode({'token': token, **asked})}"
