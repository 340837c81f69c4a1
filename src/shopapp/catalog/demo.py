"""The demo shop: 24 products from ``demo.toml`` and one account. Not for production, which has no default accounts."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from shopapp.accounts.models import User
from shopapp.accounts.passwords import hash_password
from shopapp.catalog.models import Category, Product

EMAIL = "demo@example.com"
PASSWORD = "correct horse battery"  # noqa: S105 - a published example, refused in production
NAME = "Demo Customer"

_INSERT = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


@dataclass(frozen=True, slots=True)
class Filled:
    """How much was added; what was there already does not count."""

    products: int
    users: int


def fill(dbsession: Session) -> Filled:
    """Add what is missing of the demo data and change nothing that is there. The caller commits.

    Two at once, in two processes, add everything once.
    """
    data = tomllib.loads(files(__package__).joinpath("demo.toml").read_text("utf-8"))
    _add_missing(dbsession, Category.slug, [{"slug": slug, "name": name} for slug, name in data["categories"].items()])
    category_ids = dict(dbsession.execute(select(Category.slug, Category.id)).all())
    products = [_product(product, category_ids) for product in data["products"]]
    return Filled(products=_add_missing(dbsession, Product.sku, products), users=_add_demo_user(dbsession))


def _product(entry: dict[str, Any], category_ids: dict[str, int]) -> dict[str, Any]:
    columns = {key: value for key, value in entry.items() if key != "category"}
    return columns | {"category_id": category_ids[entry["category"]], "image": f"{entry['sku']}.svg"}


def _add_demo_user(dbsession: Session) -> int:
    if dbsession.scalar(select(User.id).where(User.email == EMAIL)) is not None:
        return 0  # spares the hash, which is slow on purpose
    user = {"email": EMAIL, "name": NAME, "password_hash": hash_password(PASSWORD)}
    return _add_missing(dbsession, User.email, [user])


def _add_missing(dbsession: Session, key: InstrumentedAttribute[str], rows: Sequence[dict[str, Any]]) -> int:
    """Insert the rows whose ``key`` is not there yet; return how many.

    ON CONFLICT settles it inside the database: to look first and insert then would let two processes do both.
    """
    insert = _INSERT[dbsession.get_bind().dialect.name]
    statement = insert(key.class_).values(rows).on_conflict_do_nothing(index_elements=[key]).returning(key)
    return len(dbsession.scalars(statement).all())
