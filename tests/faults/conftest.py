"""The app under test, on a single server and on a cluster; and for the claims themselves, the baseline as well."""

from collections.abc import Callable
from typing import Any

import pytest

from plain_app import make_plain_app
from session_app import make_app

BASELINE = pytest.param(
    "baseline",
    marks=[
        pytest.mark.xfail(strict=True, raises=AssertionError, reason="plain pyramid_session_redis fails here"),
        pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning"),
    ],
)


@pytest.fixture
def app(any_redis: Any) -> Any:
    """The small app with ``shopapp.sessions``."""
    return make_app(any_redis, max_size="65536")


@pytest.fixture(params=["ours", BASELINE])
def either_app(request: pytest.FixtureRequest, shop_redis: Any) -> Any:
    """The small app with ours, which must hold the claim, and with the plain library, which must not."""
    makers: dict[str, Callable[[Any], Any]] = {
        "ours": lambda client: make_app(client, max_size="65536"),
        "baseline": make_plain_app,
    }
    return makers[request.param](shop_redis)
