"""The people who have an account. Knows no request and checks no password."""

from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import ForeignKey, String, false
from sqlalchemy.orm import Mapped, mapped_column, validates

from shopapp.accounts.addresses import MAX_ADDRESS_LENGTH, normalize_email
from shopapp.db import Base, UtcDateTime

Purpose = Literal["register", "reset", "email"]


class User(Base):
    """A person with an account. ``password_hash`` is made by :mod:`shopapp.accounts.passwords`."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(MAX_ADDRESS_LENGTH), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(255))
    owes_sign_out: Mapped[bool] = mapped_column(default=False, server_default=false())
    """The password was changed, and it is not known yet that all other sessions have ended since."""
    sessions_valid_from: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When all sessions of the person were ended, but for the one that did it: :mod:`shopapp.accounts.validity`."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=lambda: datetime.now(UTC))
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when nobody may sign in with it."""

    @validates("email")
    def _normalize(self, _key: str, email: str) -> str:
        return normalize_email(email)


class AccountLink(Base):
    """What a link in a mail is good for, once: the row goes with its use. The mail alone has the token.

    Of a registration it holds the person who is not there yet; of a change of address the new one.
    """

    __tablename__ = "account_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[Purpose] = mapped_column(String(20))
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    """SHA-256 of the token, in hex; None until the mail is written."""
    user_id: Mapped[int | None] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), index=True)
    email: Mapped[str] = mapped_column(String(MAX_ADDRESS_LENGTH), index=True)
    name: Mapped[str | None] = mapped_column(String(200))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
