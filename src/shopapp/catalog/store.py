"""The questions asked of the catalogue. Reads only, on a connection; what they return asks the database nothing.

Text comes straight from the address line, so it may be anything: what no database can hold is simply not found.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    UnaryExpression,
    any_,
    bindparam,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

from shopapp.catalog.models import Category, Product, catalogue, product_count
from shopapp.catalog.snapshots import CategorySnapshot, Page, ProductSnapshot
from shopapp.db import can_be_stored

Sort = Literal["name", "price", "-price", "newest"]

SORTS: tuple[Sort, ...] = get_args(Sort)

RELATED_CANDIDATES = 16
"""Neighbours that are looked at, on each side, for what to show beside a product."""

_product = Product.__table__.c
_category = Category.__table__.c

_ORDERS: dict[Sort, tuple[tuple[ColumnElement, ...], bool]] = {
    "name": ((_product.name, _product.id), False),
    "price": ((_product.price, _product.id), False),
    "-price": ((_product.price, _product.id), True),
    "newest": ((_product.id,), True),
}
"""The columns of each order and whether it runs down. The id makes it total: without it products of one name could
change places between two pages. Each has an index, in the whole shop and within a category."""


def catalogue_version(connection: Connection) -> int:
    """Return the version, which every change of categories and products raises. Raises NoResultFound without a row."""
    return connection.scalars(select(catalogue.c.version)).one()


def list_products(
    connection: Connection, category: str = "", sort: Sort = "name", page: int = 1, page_size: int = 12
) -> Page:
    """Return a page of the category with that slug, or of everything.

    A page before the first is the first, one after the last is the last; without products there is one, empty. The
    database walks an index to the page, from the end that is nearer, and reads no product but those of the page.
    """
    counts = [row for row in _counts(connection) if not category or row.slug == category]
    total = sum(row.products for row in counts)
    pages, number = page_numbers(total, page, page_size)
    if not total:
        return Page((), number=number, pages=pages, total=total)
    before = (number - 1) * page_size
    size = min(page_size, total - before)
    after = total - before - size
    from_end = after < before
    ids = select(_product.id).order_by(*order_of(sort, reverse=from_end)).limit(size).offset(min(before, after))
    if category:
        ids = ids.where(_product.category_id == counts[0].id)
    products = _snapshots(connection, _product.id.in_(ids.scalar_subquery()), order_of(sort))
    return Page(products, number=number, pages=pages, total=total)


def products_by_id(
    connection: Connection, ids: Sequence[int], sort: Sort | None = None, limit: int | None = None, offset: int = 0
) -> tuple[ProductSnapshot, ...]:
    """Return the products that exist among ``ids``, as many as ``limit``: in their order, or sorted."""
    if sort:
        # On PostgreSQL in one value: a thousand of them take it longer to read than the products.
        one_value = literal(list(ids), ARRAY(Integer))
        among = _product.id.in_(ids) if connection.dialect.name == "sqlite" else _product.id == any_(one_value)
        wanted = select(_product.id).where(among).order_by(*order_of(sort)).limit(limit).offset(offset)
        ids = list(connection.scalars(wanted))
    else:
        ids = ids[offset : None if limit is None else offset + limit]
    found = {product.id: product for product in _snapshots(connection, _product.id.in_(ids))} if ids else {}
    return tuple(found[each] for each in ids if each in found)


def products_by_sku(connection: Connection, skus: Iterable[str]) -> dict[str, ProductSnapshot]:
    """Return the products that exist among ``skus``, in one query; without any SKU in none."""
    wanted = {sku for sku in skus if can_be_stored(sku)}
    if not wanted:
        return {}
    return {product.sku: product for product in _snapshots(connection, _product.sku.in_(wanted))}


def related_products(connection: Connection, product: ProductSnapshot, limit: int = 4) -> tuple[ProductSnapshot, ...]:
    """Return others of the same category: the next by name, and after the last the first. Those in stock come first."""
    here = {"slug": product.category_slug, "name": product.name, "id": product.id, "most": limit}
    return products_by_id(connection, list(connection.scalars(_RELATED, here)))


def _related() -> Select:
    """Put the question of related products together, once: that takes longer than to answer it."""
    category_id = select(_category.id).where(_category.slug == bindparam("slug")).scalar_subquery()
    here = tuple_(bindparam("name", type_=_product.name.type), bindparam("id", type_=_product.id.type))

    def neighbours(lap: int, side: ColumnElement[bool]) -> Select:
        columns = (literal(lap).label("lap"), _product.id, _product.name, (_product.stock == 0).label("sold_out"))
        chosen = select(*columns).where(_product.category_id == category_id, side)
        return chosen.order_by(_product.name, _product.id).limit(RELATED_CANDIDATES).subquery().select()

    place = tuple_(_product.name, _product.id)
    near = union_all(neighbours(0, place > here), neighbours(1, place < here)).subquery().c
    return select(near.id).order_by(near.sold_out, near.lap, near.name, near.id).limit(bindparam("most"))


_RELATED = _related()


def list_categories(connection: Connection) -> list[CategorySnapshot]:
    """Return all categories by name."""
    return [CategorySnapshot(row.id, row.slug, row.name, row.products) for row in _counts(connection)]


def find_category(connection: Connection, slug: str) -> CategorySnapshot | None:
    """Return the category with exactly this slug."""
    return next((category for category in list_categories(connection) if category.slug == slug), None)


def page_numbers(total: int, page: int, page_size: int) -> tuple[int, int]:
    """Return how many pages there are, one at least, and which of them is nearest to the one asked for."""
    pages = max(1, -(-total // page_size))
    return pages, min(max(1, page), pages)


def order_of(sort: Sort, *, reverse: bool = False) -> list[UnaryExpression]:
    """Return the columns to order by."""
    columns, down = _ORDERS[sort]
    return [column.desc() if down != reverse else column.asc() for column in columns]


def _counts(connection: Connection) -> Sequence[Row]:
    counted = func.coalesce(func.sum(product_count.c.products), 0).label("products")
    return connection.execute(
        select(_category.id, _category.slug, _category.name, counted)
        .outerjoin_from(Category.__table__, product_count, product_count.c.category_id == _category.id)
        .group_by(_category.id, _category.slug, _category.name)
        .order_by(_category.name, _category.id)
    ).all()


def _snapshots(
    connection: Connection, wanted: ColumnElement[bool], order: Sequence[UnaryExpression] = ()
) -> tuple[ProductSnapshot, ...]:
    shelf = {"category_slug": _category.slug, "category_name": _category.name}
    columns = [shelf[name].label(name) if name in shelf else _product[name] for name in ProductSnapshot.__slots__]
    rows = connection.execute(
        select(*columns)
        .join_from(Product.__table__, Category.__table__, _product.category_id == _category.id)
        .where(wanted)
        .order_by(*order)
    )
    return tuple(ProductSnapshot(*tuple(row)) for row in rows)
