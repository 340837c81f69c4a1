"""What the functional tests share."""

from collections.abc import Callable
from typing import Any

import pytest
from webtest import TestApp

import shopapp
from on_database import Database


@pytest.fixture
def stock(database: Database) -> Callable[[str, int], None]:
    """A function that says how many units of a product there are from now on."""

    def set_stock(sku: str, units: int) -> None:
        database.execute("UPDATE product SET stock = ? WHERE sku = ?", [units, sku])

    return set_stock


@pytest.fixture
def shop_with(shop_settings: dict[str, Any]) -> Callable[[dict[str, Any]], TestApp]:
    """A function that opens the same shop with some settings changed, and returns a browser that visits it."""
    return lambda changes: TestApp(shopapp.main({}, **{**shop_settings, **changes}))
