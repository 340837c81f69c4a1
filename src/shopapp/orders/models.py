"""What was bought, as it was at that moment: an order and its lines. Amounts are integers in minor units."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from sqlalchemy import BigInteger, ForeignKey, Index, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shopapp.accounts.models import User
from shopapp.db import Base, UtcDateTime

Status = Literal["placed", "paid", "sent", "cancelled"]

BUYER = ("email", "name", "street", "postcode", "city", "country")
"""The columns of an order that say who gets it: fields of the checkout's form, kept while a person has to go away."""


class Order(Base):
    """An order. ``user_id`` is None for a guest's, who has ``key`` to come back to it."""

    __tablename__ = "order"
    __table_args__ = (
        Index("ix_order_user_id_placed_at", "user_id", "placed_at"),
        Index("ix_order_email_placed_at", "email", "placed_at"),
        Index("ix_order_placed_at", "placed_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    """What people call it by, on the telephone too. It tells nothing of how many orders there are."""
    key: Mapped[str] = mapped_column(String(43))
    form: Mapped[str] = mapped_column(String(64), unique=True)
    """What names the checkout form that was sent: however often, it is one order."""
    fingerprint: Mapped[str] = mapped_column(String(64))
    """A hash of what that form said, to tell the same again from something else."""
    user_id: Mapped[int | None] = mapped_column(ForeignKey(User.id))
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200))
    street: Mapped[str] = mapped_column(String(200))
    postcode: Mapped[str] = mapped_column(String(20))
    city: Mapped[str] = mapped_column(String(100))
    country: Mapped[str] = mapped_column(String(2))
    payment: Mapped[str] = mapped_column(String(20))
    subtotal: Mapped[int] = mapped_column(BigInteger)
    shipping: Mapped[int] = mapped_column(BigInteger)
    tax: Mapped[int] = mapped_column(BigInteger)
    """How much of the total is tax."""
    tax_rate: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    total: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[Status] = mapped_column(String(20), default="placed")
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=lambda: datetime.now(UTC))
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lines: Mapped[list["OrderLine"]] = relationship(order_by="OrderLine.name, OrderLine.sku", lazy="selectin")


class OrderLine(Base):
    """So many of one product, at the price of that moment. The product may be gone since, so it is named in words."""

    __tablename__ = "order_line"

    order_id: Mapped[int] = mapped_column(ForeignKey(Order.id, ondelete="CASCADE"), primary_key=True)
    sku: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    unit_price: Mapped[int]
    quantity: Mapped[int]
