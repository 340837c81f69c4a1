"""What the shop sells. Prices are integers in minor units of the shop's one currency."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text
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
        # One for each order of the lists, in the whole shop and in a category; "newest" in the shop is the primary key.
        Index("ix_product_name_id", "name", "id"),
        Index("ix_product_price_id", "price", "id"),
        Index("ix_product_category_id_id", "category_id", "id"),
        Index("ix_product_category_id_name_id", "category_id", "name", "id"),
        Index("ix_product_category_id_price_id", "category_id", "price", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    category_id: Mapped[int] = mapped_column(ForeignKey(Category.id))
    category: Mapped[Category] = relationship(lazy="joined", innerjoin=True)
    price: Mapped[int]
    stock: Mapped[int]
    image: Mapped[str] = mapped_column(String(200))


# One row; triggers raise it in the transaction of every change of the two tables above (migration 0003).
catalogue = Table("catalogue", Base.metadata, Column("version", BigInteger, nullable=False))

# How many products a category has: the sum over its rows, which triggers keep (migration 0004).
product_count = Table(
    "product_count",
    Base.metadata,
    Column("id", Integer, primary_key=True),
    Column("category_id", Integer, nullable=False),
    Column("products", Integer, nullable=False),
)
