"""Settings and methods of pyramid_session_redis that lost their meaning once, and sessions of an older version."""

import base64
import hashlib
import hmac
import json
import time
from itertools import pairwise

import pytest
from pyramid.config import Configurator

from session_app import cookie_of
from session_site import DAY, HOUR, handle_of, is_deletion, set_cookie
from shopapp.events import SessionEnded
from shopapp.sessions.record import Sealer
from shopapp.testing import TEST_SECRET

OLD, NEW = "the-former-secret-of-this-app-11", "the-newer-secret-of-this-app-222"


def start(site, path="/set?color=red"):
    """Start a session; return its cookie."""
    return set_cookie(site.visit(path, None))["value"]


def test_a_signer_that_keeps_the_ids_text_works(make_site, clock):
    site = make_site(cookie_signer="session_hooks.plain_signer")
    browser = site.browser()
    browser.get("/set?color=red")
    assert cookie_of(browser).startswith("mark:")
    for path in ("/login", "/rotate"):
        clock.shift(HOUR)
        browser.get(path)
        browser.get("/data")

    assert browser.get("/data").json["color"] == "red"
    assert site.visit("/data", cookie_of(browser).removeprefix("mark:")).json == {}


def test_the_librarys_own_check_lets_a_cookie_pass_though_a_tween_forbids_caches(make_site):
    site = make_site(func_check_response_allow_cookies="pyramid_session_redis.check_response_allow_cookies")
    config = Configurator(registry=site.registry)
    config.add_tween("session_hooks.no_store_tween")
    site.app = config.make_wsgi_app()

    response = site.visit("/set?color=red", None)

    assert response.headers["Cache-Control"] == "no-store"
    assert set_cookie(response)["value"]


@pytest.mark.parametrize("seconds", [60, 2 * DAY])
def test_an_app_can_end_a_session_at_a_time_of_its_own(make_site, clock, seconds):
    site = make_site(rotation_interval="None", absolute_timeout="None")
    cookie = start(site)
    end = 1_800_000_000 + seconds
    response = site.run(cookie, lambda request: request.session.adjust_session_expires(end))

    assert set_cookie(response)["max-age"] == str(seconds)
    site.run(cookie, lambda request: request.session.expires)
    assert site.returned == end
    for _ in range(3):  # use does not push it out
        clock.shift(seconds // 4)
        assert site.visit("/set?size=9", cookie).json == {"color": "red", "size": "9"}
    clock.move_to(end)
    assert site.visit("/data", cookie).json != {}
    clock.shift(1)
    assert is_deletion(site.visit("/data", cookie))
    assert [event.reason for event in site.events(SessionEnded)] == ["idle"]


def test_a_session_that_is_only_read_is_sealed_anew_at_the_next_push_of_its_clock(make_site, clock):
    cookie = start(make_site(secret=OLD))
    both = make_site(secret=f"{NEW} {OLD}")
    cookie = set_cookie(both.visit("/data", cookie))["value"]
    clock.shift(300)
    both.visit("/data", cookie)

    assert make_site(secret=NEW).visit("/data", cookie).json == {"color": "red"}


@pytest.mark.parametrize("settings", [{"timeout": "None"}, {"python_expires": "false", "timeout_trigger": "None"}])
def test_where_no_clock_is_pushed_it_is_sealed_anew_at_once(make_site, settings):
    cookie = start(make_site(secret=OLD, **settings))
    cookie = set_cookie(make_site(secret=f"{NEW} {OLD}", **settings).visit("/data", cookie))["value"]

    assert make_site(secret=NEW, **settings).visit("/data", cookie).json == {"color": "red"}


def test_a_change_of_the_secret_in_two_steps_signs_nobody_out_of_two_processes(make_site, clock):
    """First both verify, then both sign: at each moment one process may still run with the settings from before."""
    steps = [OLD, f"{OLD} {NEW}", f"{NEW} {OLD}", NEW]
    sites = [make_site(secret=secret) for secret in steps]
    browser = sites[0].browser()
    browser.get("/login?user=1")
    for before, after in pairwise(sites):
        for site in (before, after, before, after):
            browser.app = site.app
            assert browser.get("/data").json["user"]["id"] == 1
            clock.shift(301)
        browser.app = after.app
        browser.get("/data")


def test_the_list_and_the_session_never_disagree_about_what_is_alive(make_site, clock):
    site = make_site(set_redis_ttl="false", rotation_interval="None", timeout=1200, timeout_trigger=300)
    here, there = start(site, "/login"), start(site, "/login")
    for _ in range(130):
        clock.shift(10)
        handles = site.visit("/sessions", here).json
        record = Sealer([TEST_SECRET]).open(site.key_of(there), site.redis.get(site.key_of(there)) or b"")
        is_alive = record is not None and not record.header.is_over(int(time.time()))
        assert (handle_of(there) in handles) is is_alive

    assert site.visit("/data", there).json == {}


def of_version_1(handle, key_handle):
    """A record as the code before this version wrote it."""
    key = hmac.digest(TEST_SECRET.encode(), b"shopapp.sessions record", "sha256")
    header = json.dumps(
        {"version": 1, "secret_hash": handle, "issued": 1_800_000_000, "started": 1_800_000_000, "used": 1_800_000_000}
    ).encode()
    payload = b'{"m":{"color":"red"},"c":1800000000,"v":1,"t":10800,"x":1800010800}'
    sealed = b"\n".join((f"session:{key_handle}".encode(), header, payload))
    seal = base64.urlsafe_b64encode(hmac.digest(key, sealed, "sha256")).rstrip(b"=")
    return b"%b.%b\n%b" % (seal, header, payload)


def test_a_record_and_a_cookie_of_the_version_before_are_a_fresh_session(site):
    series, secret = "s" * 43, "t" * 43
    handle = hashlib.sha256(series.encode()).hexdigest()[:32]
    site.redis.set(f"session:{handle}", of_version_1(hashlib.sha256(secret.encode()).hexdigest()[:32], handle))
    key = hmac.digest(TEST_SECRET.encode(), b"shopapp.sessions cookie", "sha512")
    session_id = f"{series} {secret}".encode()
    cookie = base64.urlsafe_b64encode(hmac.digest(key, session_id, "sha512") + session_id).rstrip(b"=").decode()

    assert site.visit("/data", cookie).json == {}
    assert site.visit("/set?color=blue", cookie).json == {"color": "blue"}
    assert site.visit("/logout", cookie).status_int == 200


def test_a_record_of_the_version_before_under_a_key_of_ours_is_a_fresh_session(site):
    cookie = start(site)
    site.redis.set(site.key_of(cookie), of_version_1("x", handle_of(cookie)))

    assert site.visit("/data", cookie).json == {}
    assert site.visit("/set?color=blue", cookie).json == {"color": "blue"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), (1, 2), [{"deep": (1,)}]])
def test_what_would_come_back_as_something_else_is_an_error(site, value):
    with pytest.raises(TypeError):
        site.run(None, lambda request: request.session.update({"value": value}))

    assert site.redis_keys() == []
