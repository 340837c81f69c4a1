"""The questions asked of the catalogue. Reads only. (To be replaced by the search branch.)"""

from collections.abc import Iterable
from typing import Any, Literal

from sqlalchemy import Connection, func, or_, select

from shopapp.catalog.models import Category, Product, catalogue
from shopapp.catalog.snapshots import CategorySnapshot, Page, ProductSnapshot
from shopapp.db import can_be_stored

MAX_SEARCH_LENGTH = 200
Sort = Literal["name", "price", "-price", "newest"]

_COLUMNS = (
    Product.id, Product.sku, Product.name, Product.description, Product.price, Product.stock, Product.image,
    Category.slug.label("category_slug"), Category.name.label("category_name"),
)
_PRODUCTS = select(*_COLUMNS).join(Category, Category.id == Product.category_id)


def _all(connection: Connection, statement: Any) -> list[ProductSnapshot]:
    return [ProductSnapshot(*row) for row in connection.execute(statement)]


def catalogue_version(connection: Connection) -> int:
    """Return the version."""
    return connection.scalar(select(catalogue.c.version)) or 0


def list_products(connection: Connection, category: str = "", sort: Sort = "name", page: int = 1, page_size: int = 12, q: str = "") -> Page:
    """A page."""
    matching = _PRODUCTS.where(*(or_(*(c.icontains(w, autoescape=True) for c in (Product.name, Product.description, Category.name))) for w in dict.fromkeys(q.split())))
    if category:
        matching = matching.where(Category.slug == category)
    total = connection.scalar(select(func.count()).select_from(matching.subquery())) or 0
    pages = max(1, -(-total // page_size))
    number = min(max(1, page), pages)
    rows = matching.order_by(Product.name, Product.id).limit(page_size).offset((number - 1) * page_size)
    return Page(tuple(_all(connection, rows)), number, pages, total, q)


def products_by_sku(connection: Connection, skus: Iterable[str]) -> dict[str, ProductSnapshot]:
    """By sku."""
    wanted = {sku for sku in skus if can_be_stored(sku)}
    if not wanted:
        return {}
    return {p.sku: p for p in _all(connection, _PRODUCTS.where(Product.sku.in_(wanted)))}


def related_products(connection: Connection, product: ProductSnapshot, limit: int = 4) -> list[ProductSnapshot]:
    """Others."""
    others = _PRODUCTS.where(Category.slug == product.category_slug, Product.id != product.id)
    return _all(connection, others.order_by(Product.stock == 0, Product.name, Product.id).limit(limit))


def list_categories(connection: Connection) -> list[CategorySnapshot]:
    """All."""
    return [CategorySnapshot(*row, 0) for row in connection.execute(select(Category.id, Category.slug, Category.name).order_by(Category.name))]
