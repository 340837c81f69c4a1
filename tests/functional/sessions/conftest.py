"""A site with sessions and nothing else, and a clock that moves only when told."""

from collections.abc import Callable, Iterator

import pytest
import time_machine
from webtest import TestApp

from session_app import cookie_of
from session_site import Site
from shopapp.testing import ObservedRedis

NOON = 1_800_000_000


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """The clock of the app and of the browsers, standing still. That of Redis goes on as ever."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def make_site(shop_redis: ObservedRedis) -> Callable[..., Site]:
    """A function that makes a site with settings of its own; all of them share one Redis."""
    return lambda **settings: Site(shop_redis, **settings)


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A site with the default settings."""
    return make_site()


@pytest.fixture
def visitor(site: Site) -> TestApp:
    """A browser with the session of a visitor."""
    browser = site.browser()
    browser.get("/set?color=red")
    return browser


@pytest.fixture
def cookie(visitor: TestApp) -> str:
    """That visitor's cookie."""
    return cookie_of(visitor)
