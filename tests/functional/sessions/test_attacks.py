"""What somebody who attacked the sessions has found, each once mended."""

import pytest
import redis
import transaction
from pyramid.config import Configurator
from pyramid.request import Request

from session_app import cookie_of
from session_site import Site, set_cookie
from shopapp.events import UserLoggedIn
from shopapp.redis import StoreUnavailable
from shopapp.sessions import rotate, save


@pytest.fixture
def site(make_site):
    """A site that answers 503 where Redis is away."""
    site = make_site()
    site.answer_errors(StoreUnavailable)
    return site


def refused_writes(site):
    """Have Redis do no change of a session; return the function that ends it."""

    def fail(name):
        if name == "EVALSHA":
            raise redis.exceptions.ConnectionError("away")

    site.redis.before = fail
    return lambda: setattr(site.redis, "before", lambda name: None)


def id_given_out_ahead(site, cookie, path):
    """The cookie that comes with a 503."""
    end = refused_writes(site)
    response = site.visit(path, cookie, status=503)
    end()
    return set_cookie(response)["value"]


def user(site, cookie):
    """Who is signed in with a cookie."""
    return site.visit("/data", cookie).json.get("user", {}).get("id")


@pytest.mark.parametrize("path", ["/password", "/rotate", "/login?user=1"])
def test_an_id_that_was_given_out_with_a_503_is_cut_off_by_the_change_that_succeeds(site, path):
    old = set_cookie(site.visit("/login?user=1", None))["value"]
    ahead = id_given_out_ahead(site, old, path)
    assert user(site, ahead) == 1

    new = set_cookie(site.visit(path, ahead))["value"]

    assert new not in (ahead, old)
    assert (user(site, new), user(site, ahead), user(site, old)) == (1, None, None)


@pytest.mark.parametrize("path", ["/password", "/login?user=1"])
def test_whoever_may_rotate_does_not_get_the_id_of_a_change_that_needs_a_proof(site, path):
    stolen = set_cookie(site.visit("/login?user=1", None))["value"]
    ahead = id_given_out_ahead(site, stolen, "/rotate")

    new = set_cookie(site.visit(path, stolen))["value"]

    assert (user(site, new), user(site, ahead)) == (1, None)


def test_a_visitor_who_gets_an_id_ahead_has_not_got_that_of_the_login(site):
    planted = set_cookie(site.visit("/set?a=1", None))["value"]
    ahead = id_given_out_ahead(site, planted, "/rotate")

    new = set_cookie(site.visit("/login?user=1", planted))["value"]

    assert (user(site, new), user(site, ahead), user(site, planted)) == (1, None, None)


def test_a_login_that_joins_another_takes_nothing_back_that_was_written_meanwhile(site):
    browser = site.browser()
    browser.get("/set?a=1&gone=1")
    browser.get("/flash?text=once")
    old = cookie_of(browser)

    def log_in_late(request):
        request.session.get("a")
        browser.get("/login?user=1")
        browser.get("/set?a=2")
        browser.get("/delete?gone")
        request.registry.notify(UserLoggedIn(request, 1, "1@example.com", "One"))

    cookie = set_cookie(site.run(old, log_in_late))["value"]

    seen = site.visit("/data", cookie).json
    assert (seen["a"], seen.get("gone"), seen["_f_"]) == ("2", None, ["once"])


def test_a_form_whose_session_another_person_has_taken_over_is_a_session_of_its_own(site):
    def log_in(person):
        return lambda request: request.registry.notify(UserLoggedIn(request, person, "", "", form="the form"))

    browser = site.browser()
    site.run(browser, log_in(1))
    site.run(browser, log_in(2))

    cookie = set_cookie(site.run(None, log_in(1)))["value"]

    assert user(site, cookie) == 1
    assert browser.get("/data").json["user"]["id"] == 2


@pytest.mark.parametrize("has_session", [True, False])
def test_what_was_handed_out_before_an_early_save_may_be_changed_after_it(site, has_session):
    browser = site.browser()
    if has_session:
        site.run(browser, lambda request: request.session.update({"cart": {"mug": 1}}))

    def act(request):
        cart = request.session.setdefault("cart", {})
        cart["pen"] = 1
        save(request)
        cart["clock"] = 1

    site.run(browser, act)

    assert {"pen", "clock"} <= set(browser.get("/data").json["cart"])


@pytest.mark.parametrize("path", ["password", "rotate"])
def test_a_commit_that_fails_once_after_a_rotation_leaves_the_browser_signed_in(shop_redis, path):
    site = Site(shop_redis)
    config = Configurator(registry=site.registry)
    config.add_settings({"tm.manager_hook": "pyramid_tm.explicit_manager", "tm.annotate_user": False})
    config.include("pyramid_tm")
    config.include("pyramid_retry")
    site.app = config.make_wsgi_app()
    browser = site.browser()
    browser.get("/login?user=1")
    runs = []

    def fail_once():
        runs.append(1)
        if len(runs) == 1:
            raise transaction.interfaces.TransientError

    def act(request: Request):
        request.tm.get().addBeforeCommitHook(fail_once)
        rotate(request, path)

    site.run(browser, act)

    assert len(runs) == 2
    assert browser.get("/data").json["user"]["id"] == 1
