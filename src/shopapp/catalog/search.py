"""Stub until the search branch."""
from typing import Any

from sqlalchemy import Connection

from shopapp.catalog.snapshots import Page
from shopapp.catalog.store import list_products


def search_products(connection: Connection, q: str, category: str = "", sort: Any = None, page: int = 1, page_size: int = 12) -> Page:
    return list_products(connection, category, sort or "name", page, page_size, q)
