"""What the functional tests share."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from webtest import TestApp

import shopapp


@pytest.fixture
def database(shop_settings: dict[str, Any]) -> Iterator[sqlite3.Connection]:
    """The shop's database, for what a shopkeeper does to the catalogue. Every statement is a transaction."""
    path = shop_settings["shop.database_url"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


@pytest.fixture
def stock(database: sqlite3.Connection) -> Callable[[str, int], None]:
    """A function that says how many units of a product there are from now on."""

    def set_stock(sku: str, units: int) -> None:
        database.execute("UPDATE product SET stock = ? WHERE sku = ?", [units, sku])

    return set_stock


@pytest.fixture
def shop_with(shop_settings: dict[str, Any]) -> Callable[[dict[str, Any]], TestApp]:
    """A function that opens the same shop with some settings changed, and returns a browser that visits it."""
    return lambda changes: TestApp(shopapp.main({}, **{**shop_settings, **changes}))
