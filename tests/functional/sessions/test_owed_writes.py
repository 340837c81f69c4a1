"""A page that only reads is shown though Redis takes no write: full, a replica, or closed to us."""

import pytest
import redis

from session_app import cookie_of
from session_site import HOUR, set_cookie
from shopapp.events import SessionWriteDeferred
from shopapp.redis import StoreUnavailable
from shopapp.testing import ObservedRedis


@pytest.fixture
def full(shop_redis):
    """A Redis that is full."""
    shop_redis.config_set("maxmemory-policy", "noeviction")
    yield lambda: shop_redis.config_set("maxmemory", 1)
    shop_redis.config_set("maxmemory", 0)


@pytest.fixture
def replica(shop_redis):
    """A Redis that a failover has made a replica, of a primary that is not there."""
    yield lambda: shop_redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    shop_redis.execute_command("REPLICAOF", "NO", "ONE")


@pytest.fixture
def closed(shop_redis):
    """A Redis that lets its user only read."""
    yield lambda: shop_redis.execute_command("ACL SETUSER", "default", "-@write", "-expire")
    shop_redis.execute_command("ACL SETUSER", "default", "+@all")


@pytest.fixture(params=["full", "replica", "closed"])
def refuse_writes(request):
    """A function that has Redis refuse all writes."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def person(site):
    """A browser with a session, a message waiting in it."""
    browser = site.browser()
    browser.get("/login?user=1")
    browser.get("/flash?text=Saved")
    return browser


def test_a_message_is_shown_and_shown_again(site, person, refuse_writes):
    refuse_writes()

    assert person.get("/pop-flash").json == ["Saved"]
    assert person.get("/pop-flash").json == ["Saved"]
    assert len(site.events(SessionWriteDeferred)) == 2


@pytest.mark.parametrize("wait", [300, HOUR], ids=["a push", "a rotation"])
def test_a_page_with_a_push_or_a_rotation_due_is_shown(site, person, clock, refuse_writes, wait):
    clock.shift(wait)
    refuse_writes()

    for _ in range(3):
        assert person.get("/data").json["user"]["id"] == 1
    assert site.events(SessionWriteDeferred)


def test_what_was_owed_is_written_with_the_next_request_that_can(site, person, clock, shop_redis):
    clock.shift(HOUR)
    shop_redis.config_set("maxmemory", 1)
    assert person.get("/pop-flash").json == ["Saved"]
    shop_redis.config_set("maxmemory", 0)

    assert person.get("/pop-flash").json == ["Saved"]
    assert person.get("/pop-flash").json == []
    person.get("/data")
    assert set_cookie(person.get("/data")) is None
    assert site.redis.ttl(site.key_of(cookie_of(person))) == 3 * HOUR


@pytest.mark.parametrize("path", ["/set?color=blue", "/flash?text=more", "/rotate", "/password", "/login?user=1"])
def test_what_cannot_wait_is_said(person, refuse_writes, path):
    refuse_writes()

    with pytest.raises(StoreUnavailable):
        person.get(path)


def test_a_redis_that_goes_away_between_read_and_write_is_no_error_for_a_reader(site, person, clock):
    clock.shift(300)

    def fail(name):
        if name == "EVALSHA":
            raise redis.exceptions.ConnectionError("away")

    site.redis.before = fail
    assert person.get("/data").json["user"]["id"] == 1
    site.redis.before = lambda name: None


def test_a_new_session_of_a_reader_is_none(shop_redis: ObservedRedis, site, full):
    full()

    assert site.browser().get("/data").json == {}
