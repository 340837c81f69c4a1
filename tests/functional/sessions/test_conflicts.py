"""Two requests that change the same value of a session differently: told, refused, or run again."""

import pytest
from pyramid.config import Configurator

from session_app import cookie_of
from session_site import Site, handle_of
from shopapp.events import SessionConflict, SessionMerged


def meanwhile(site, browser, change):
    """A request of the browser changes the session while the one that calls this is at work."""
    change_of_mine = site._action
    site.run(cookie_of(browser), lambda request: change(request.session))
    site._action = change_of_mine


def raced(site, browser, mine, theirs, **options):
    """Run ``mine`` on the session while ``theirs`` is done by another request; only in its first attempt."""
    attempts = []

    def act(request):
        attempts.append(dict(request.session))
        mine(request.session)
        if len(attempts) == 1:
            meanwhile(site, browser, theirs)

    response = site.run(browser, act, **options)
    return response, attempts


def add(sku, quantity=1):
    """Add to a cart that is a dict under one key of the session."""

    def change(session):
        cart = session.setdefault("cart", {})
        cart[sku] = cart.get(sku, 0) + quantity

    return change


@pytest.fixture
def make_browser():
    """A function that returns a browser with a cart at a site."""

    def make(site):
        browser = site.browser()
        site.run(browser, lambda request: add("mug")(request.session))
        return browser

    return make


class SiteThatTriesAgain(Site):
    """The site, with pyramid_retry."""

    def __init__(self, client, **settings):
        super().__init__(client, **settings)
        config = Configurator(registry=self.registry)
        config.include("pyramid_retry")
        self.app = config.make_wsgi_app()


def test_different_lines_of_a_cart_in_the_session_are_both_kept(site, make_browser):
    browser = make_browser(site)

    raced(site, browser, add("pen"), add("clock"))

    assert browser.get("/data").json == {"cart": {"mug": 1, "pen": 1, "clock": 1}}
    assert site.events(SessionConflict) == []
    (merged,) = site.events(SessionMerged)
    assert merged.handle == handle_of(cookie_of(browser))


def test_on_one_value_the_later_wins_and_that_is_told(site, make_browser):
    browser = make_browser(site)

    raced(site, browser, add("mug", 10), add("mug", 100))

    assert browser.get("/data").json == {"cart": {"mug": 11}}
    assert [event.places for event in site.events(SessionConflict)] == [("cart.mug",)]
    assert site.events(SessionMerged) == []


def test_a_conflict_may_be_refused(make_site, make_browser):
    site = make_site(conflict="error")
    browser = make_browser(site)

    response, _ = raced(site, browser, add("mug", 10), add("mug", 100), status=409)

    assert "try again" in response.text
    assert browser.get("/data").json == {"cart": {"mug": 101}}
    assert site.events(SessionConflict) == []


def test_with_pyramid_retry_the_later_runs_again_on_what_is_stored(shop_redis, make_browser):
    site = SiteThatTriesAgain(shop_redis)
    browser = make_browser(site)

    response, attempts = raced(site, browser, add("mug", 10), add("mug", 100))

    assert response.status_int == 200
    assert attempts == [{"cart": {"mug": 1}}, {"cart": {"mug": 101}}] or attempts[1] != attempts[0]
    assert browser.get("/data").json == {"cart": {"mug": 111}}
    assert site.events(SessionConflict) == []


@pytest.mark.parametrize(("conflict", "status", "count"), [("later", 200, 31), ("error", 409, 301)])
def test_after_the_last_attempt_it_is_as_without(shop_redis, make_browser, conflict, status, count):
    site = SiteThatTriesAgain(shop_redis, conflict=conflict)
    browser = make_browser(site)
    attempts = []

    def act(request):
        attempts.append(1)
        add("mug", 10)(request.session)
        meanwhile(site, browser, add("mug", 100))

    site.run(browser, act, status=status)

    assert len(attempts) == 3
    assert browser.get("/data").json == {"cart": {"mug": {31: 211, 301: 301}[count]}}
    assert len(site.events(SessionConflict)) == (conflict == "later")


def test_an_early_save_that_meets_a_conflict_is_run_again_too(shop_redis, make_browser):
    from shopapp.sessions import save

    site = SiteThatTriesAgain(shop_redis)
    browser = make_browser(site)
    attempts = []

    def act(request):
        attempts.append(1)
        add("mug", 10)(request.session)
        if len(attempts) == 1:
            meanwhile(site, browser, add("mug", 100))
        save(request)

    site.run(browser, act)

    assert browser.get("/data").json == {"cart": {"mug": 111}}


def test_a_request_that_runs_again_leaves_nothing_of_its_first_attempt(shop_redis, make_browser):
    site = SiteThatTriesAgain(shop_redis)
    browser = make_browser(site)
    attempts = []

    def act(request):
        attempts.append(1)
        add("mug")(request.session)
        request.session[f"attempt {len(attempts)}"] = True
        if len(attempts) == 1:
            meanwhile(site, browser, add("mug"))

    site.run(browser, act)

    assert browser.get("/data").json == {"cart": {"mug": 3}, "attempt 2": True}


def test_both_making_the_same_change_is_a_conflict_for_both_may_have_added_one(site, make_browser):
    browser = make_browser(site)

    raced(site, browser, add("mug"), add("mug"))

    assert browser.get("/data").json == {"cart": {"mug": 2}}
    assert [event.places for event in site.events(SessionConflict)] == [("cart.mug",)]


def test_of_two_that_take_the_same_thing_one_has_it(shop_redis, make_browser):
    from shopapp.sessions import save

    site = SiteThatTriesAgain(shop_redis)
    browser = make_browser(site)
    taken, attempts = [], []

    def act(request):
        attempts.append(1)
        cart = request.session.pop("cart", None)
        if len(attempts) == 1:
            meanwhile(site, browser, lambda session: taken.append(session.pop("cart", None)))
        save(request)
        taken.append(cart)

    site.run(browser, act)

    assert taken == [{"mug": 1}, None]


def test_what_an_early_save_has_stored_is_never_done_twice(shop_redis, make_browser):
    """A conflict that is found later in the request is told, and the request does not run again."""
    from shopapp.sessions import save

    site = SiteThatTriesAgain(shop_redis)
    browser = make_browser(site)
    attempts = []

    def act(request):
        attempts.append(1)
        add("mug")(request.session)
        save(request)
        request.session["late"] = 1
        meanwhile(site, browser, lambda session: session.update({"late": 2}))

    site.run(browser, act)

    assert attempts == [1]
    assert browser.get("/data").json == {"cart": {"mug": 2}, "late": 1}
    assert [event.places for event in site.events(SessionConflict)] == [("late",)]


@pytest.mark.parametrize("conflict", ["later", "error"])
def test_what_a_response_callback_changes_never_runs_a_request_again(shop_redis, make_browser, conflict):
    """By then the transaction is committed."""
    site = SiteThatTriesAgain(shop_redis, conflict=conflict)
    browser = make_browser(site)
    attempts = []

    def act(request):
        attempts.append(1)

        def late(request, response):
            request.session["late"] = 1
            meanwhile(site, browser, lambda session: session.update({"late": 2}))

        request.session.get("cart")
        request.add_response_callback(late)

    site.run(browser, act)

    assert attempts == [1]
    assert browser.get("/data").json["late"] == 1
    assert len(site.events(SessionConflict)) == 1


def test_an_early_save_says_whether_the_session_has_ended_meanwhile(site, make_browser):
    from shopapp.sessions import save

    browser = make_browser(site)

    def act(request):
        add("mug")(request.session)
        return save(request)

    def act_on_ended(request):
        add("mug")(request.session)
        meanwhile(site, browser, lambda session: session.invalidate())
        return save(request)

    site.run(browser, act_on_ended)
    assert site.returned is False
    site.run(site.browser(), act)
    assert site.returned is True


def test_a_conflict_names_places_and_no_values(site, make_browser, caplog):
    browser = make_browser(site)

    with caplog.at_level("INFO", logger="shopapp.audit"):
        raced(
            site,
            browser,
            lambda session: session.update({"secret word": "hunter2"}),
            lambda session: session.update({"secret word": "swordfish"}),
        )

    assert "event=SessionConflict" in caplog.text
    assert "hunter2" not in caplog.text
    assert "swordfish" not in caplog.text
