"""What the functional tests share."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from webtest import TestApp

import shopapp
from on_database import Database


@pytest.fixture
def database(shop_database_url: str) -> Iterator[Database]:
    """The shop's database, for what a shopkeeper does to the catalogue. Every statement is a transaction."""
    with closing(Database(shop_database_url)) as database:
        yield database


@pytest.fixture
def shop_with(shop_settings: dict[str, Any]) -> Callable[[dict[str, Any]], TestApp]:
    """A function that opens the same shop with some settings changed, and returns a browser that visits it."""
    return lambda changes: TestApp(shopapp.main({}, **{**shop_settings, **changes}))
