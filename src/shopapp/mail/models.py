"""Mail that is to be sent: the outbox. A row is gone once it is sent."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from shopapp.db import Base, UtcDateTime


class Letter(Base):
    """One mail to one person. What it says is put together when it is sent: so no link of it lies in the database."""

    __tablename__ = "letter"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    """The name under which a part of the shop has said how such mail is written: :func:`shopapp.mail.add_letter`."""
    recipient: Mapped[str] = mapped_column(String(254))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What it is about: names of rows, never a secret."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=lambda: datetime.now(UTC))
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=lambda: datetime.now(UTC), index=True)
    """Whoever takes it up moves this on first, and so has it alone; None: given up."""
