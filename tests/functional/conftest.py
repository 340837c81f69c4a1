"""What the functional tests share."""

from collections.abc import Callable
from typing import Any

import pytest
from webtest import TestApp

import shopapp


@pytest.fixture
def shop_with(shop_settings: dict[str, Any]) -> Callable[[dict[str, Any]], TestApp]:
    """A function that opens the same shop with some settings changed, and returns a browser that visits it."""
    return lambda changes: TestApp(shopapp.main({}, **{**shop_settings, **changes}))
