"""The links of mails in the database: each good once, for a while, and known by a hash alone. Knows no request.

Whoever works on a person's links locks the person's own row first, or two such would wait for one another.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shopapp.accounts.models import AccountLink, Purpose

LIFETIMES: dict[Purpose, timedelta] = {
    "register": timedelta(days=1),
    "reset": timedelta(hours=1),  # it is as good as a password
    "email": timedelta(hours=1),  # a mistyped address is somebody else's
}

TOKEN_BYTES = 32
"""256 bits, twice what OWASP ASVS 5.0 11.5.1 asks for. So a plain hash of it will do: there is nothing to guess."""


def new_link(purpose: Purpose, email: str, **values: object) -> AccountLink:
    """Return a link that nobody can use yet: its token is made when its mail is written."""
    return AccountLink(purpose=purpose, email=email, expires_at=datetime.now(UTC) + LIFETIMES[purpose], **values)


def make_token(link: AccountLink) -> str:
    """Give the link another token, and its whole time from now on; return the token, which is kept nowhere."""
    token = token_urlsafe(TOKEN_BYTES)
    link.token_hash = hash_of(token)
    link.expires_at = datetime.now(UTC) + LIFETIMES[link.purpose]
    return token


def hash_of(token: str) -> str:
    """Return what the database knows of a token."""
    return sha256(token.encode(errors="replace")).hexdigest()


def find_link(dbsession: Session, purpose: Purpose, token: str) -> AccountLink | None:
    """Return the link that the token opens; None if it was used, is too old or is none of ours."""
    return dbsession.scalar(
        select(AccountLink).where(
            AccountLink.token_hash == hash_of(token),
            AccountLink.purpose == purpose,
            AccountLink.expires_at > datetime.now(UTC),
        )
    )


def use_registration(dbsession: Session, link: AccountLink) -> bool:
    """Take away all registrations of the link's address; False if the link was not among them any more."""
    where = (AccountLink.purpose == "register", AccountLink.email == link.email)
    return link.id in dbsession.scalars(delete(AccountLink).where(*where).returning(AccountLink.id)).all()


def kill_links_of(dbsession: Session, user_id: int) -> list[int]:
    """Take away all links of a person: their password or address is another now. Return which there were."""
    return list(
        dbsession.scalars(
            delete(AccountLink).where(AccountLink.user_id == user_id).returning(AccountLink.id),
            execution_options={"synchronize_session": False},
        )
    )


def sweep(dbsession: Session) -> None:
    """Take away the links whose time is over."""
    dbsession.execute(delete(AccountLink).where(AccountLink.expires_at <= datetime.now(UTC)))


def find_waiting(dbsession: Session, purpose: Purpose, link_id: int, email: str) -> AccountLink | None:
    """Return a link whose mail to ``email`` is to be written; None if its time is over, or it is good for nothing any
    more. Its number alone would not do: SQLite gives those of rows that are gone to others.
    """
    sweep(dbsession)
    where = (AccountLink.id == link_id, AccountLink.purpose == purpose, AccountLink.email == email)
    return dbsession.scalar(select(AccountLink).where(*where))
