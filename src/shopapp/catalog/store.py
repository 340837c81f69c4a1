"""The questions asked of the catalogue. Reads only.

Text comes straight from the address line, so it may be anything: what no database can hold is simply not found.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, contains_eager

from shopapp.catalog.models import Category, Product
from shopapp.db import can_be_stored

MAX_SEARCH_LENGTH = 200
"""Characters in a search at most: every word costs three comparisons per product. A longer one finds nothing."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of products: ``number`` of ``pages``, counted from 1, and the ``total`` over all pages."""

    products: list[Product]
    number: int
    pages: int
    total: int


def list_products(dbsession: Session, q: str = "", category: str = "", page: int = 1, page_size: int = 12) -> Page:
    """Return a page of the products that match the search ``q``, of the category with that slug or of all.

    Every word of ``q`` must occur in the name, the description or the category's name, in any case. The order is by
    name. A page before the first is the first, one after the last is the last; without a match there is one, empty.
    """
    if len(q) > MAX_SEARCH_LENGTH or not (can_be_stored(q) and can_be_stored(category)):
        return Page([], number=1, pages=1, total=0)
    matching = select(Product).join(Product.category).where(*(_contains(word) for word in dict.fromkeys(q.split())))
    if category:
        matching = matching.where(Category.slug == category)
    total = dbsession.scalar(matching.with_only_columns(func.count(), maintain_column_froms=True)) or 0
    pages = max(1, -(-total // page_size))
    number = min(max(1, page), pages)
    rows = _in_order(matching).limit(page_size).offset((number - 1) * page_size)
    products = dbsession.scalars(rows.options(contains_eager(Product.category))).all()
    return Page(list(products), number=number, pages=pages, total=total)


def find_product(dbsession: Session, sku: str) -> Product | None:
    """Return the product with exactly this SKU."""
    return products_by_sku(dbsession, [sku]).get(sku)


def products_by_sku(dbsession: Session, skus: Iterable[str]) -> dict[str, Product]:
    """Return the products that exist among ``skus``, in one query; without any SKU in none."""
    wanted = {sku for sku in skus if can_be_stored(sku)}
    if not wanted:
        return {}
    found = dbsession.scalars(select(Product).where(Product.sku.in_(wanted)))
    return {product.sku: product for product in found}


def related_products(dbsession: Session, product: Product, limit: int = 4) -> list[Product]:
    """Return others of the same category, those in stock first."""
    others = select(Product).where(Product.category_id == product.category_id, Product.id != product.id)
    return list(dbsession.scalars(_in_order(others.order_by(Product.stock == 0)).limit(limit)))


def list_categories(dbsession: Session) -> list[Category]:
    """Return all categories by name."""
    return list(dbsession.scalars(select(Category).order_by(Category.name, Category.id)))


def find_category(dbsession: Session, slug: str) -> Category | None:
    """Return the category with exactly this slug."""
    return dbsession.scalar(select(Category).where(Category.slug == slug)) if can_be_stored(slug) else None


def _in_order(products: Select[tuple[Product]]) -> Select[tuple[Product]]:
    # The id makes the order total: without it products of one name could change places between two pages.
    return products.order_by(Product.name, Product.id)


def _contains(word: str) -> ColumnElement[bool]:
    columns = (Product.name, Product.description, Category.name)
    return or_(*(column.icontains(word, autoescape=True) for column in columns))
