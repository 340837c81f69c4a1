"""What the shop sells. Prices are integers in minor units of the shop's one currency."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, String, Table, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shopapp.db import Base


class Category(Base):
    """A shelf of the shop. ``slug`` is its name in URLs."""

    __tablename__ = "category"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(100))


class Product(Base):
    """Something to buy. ``image`` is the name of a file in the static folder ``products/``."""

    __tablename__ = "product"
    __table_args__ = (
        CheckConstraint("price >= 0", name="price_not_negative"),
        CheckConstraint("stock >= 0", name="stock_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200), index=True)
    description: Mapped[str] = mapped_column(Text)
    category_id: Mapped[int] = mapped_column(ForeignKey(Category.id), index=True)
    category: Mapped[Category] = relationship(lazy="joined", innerjoin=True)
    price: Mapped[int]
    stock: Mapped[int]
    image: Mapped[str] = mapped_column(String(200))


# One row; triggers raise it in the transaction of every change of the two tables above (migration 0003).
catalogue = Table("catalogue", Base.metadata, Column("version", BigInteger, nullable=False))
