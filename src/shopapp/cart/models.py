"""The copies of persons' carts in the database: what is left of them if Redis forgets."""

from datetime import UTC, datetime

from sqlalchemy import JSON, BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from shopapp.accounts.models import User
from shopapp.db import Base, UtcDateTime


class CartCopy(Base):
    """A person's cart as it was some seconds ago at most: sku to quantity."""

    __tablename__ = "cart_copy"

    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"), primary_key=True, autoincrement=False)
    lines: Mapped[dict[str, int]] = mapped_column(JSON)
    version: Mapped[int] = mapped_column(BigInteger)
    """Of the cart in Redis when it was copied: an older version never takes the place of a newer one."""
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True, default=lambda: datetime.now(UTC))
