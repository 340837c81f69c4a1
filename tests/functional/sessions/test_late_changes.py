"""What is put into a session late: by subscribers of the save, by response callbacks, by NewResponse."""

import logging

import pytest
from pyramid.events import NewResponse

from session_app import cookie_of
from session_site import HOUR, handle_of, set_cookie
from shopapp.events import SessionEnded, SessionRotated, SessionStarted


def subscribe(site, handler, event):
    """Add a subscriber to an app that is already made."""
    site.registry.registerHandler(handler, (event,))


@pytest.mark.parametrize(("path", "event"), [("/set?a=1", SessionStarted), ("/login", SessionStarted)])
def test_what_a_subscriber_puts_in_while_the_save_is_told_is_saved(site, path, event):
    subscribe(site, lambda event: event.request.session.update({"told": event.handle}), event)
    browser = site.browser()

    browser.get(path)

    assert browser.get("/data").json["told"] == handle_of(cookie_of(browser))


def test_a_flash_message_at_login_is_shown_on_the_next_page(site):
    subscribe(site, lambda event: event.request.session.flash("Welcome"), SessionRotated)
    browser = site.browser()
    browser.get("/set?a=1")

    browser.get("/login")

    assert browser.get("/pop-flash").json == ["Welcome"]


def test_what_a_subscriber_of_a_subscribers_save_puts_in_is_saved_too(site):
    def rotate_on(event):
        if event.request.session.get("count", 0) < 2:
            event.request.session["count"] = event.request.session.get("count", 0) + 1
            from shopapp.sessions import rotate

            rotate(event.request, "again")

    subscribe(site, rotate_on, SessionStarted)
    subscribe(site, rotate_on, SessionRotated)
    browser = site.browser()

    browser.get("/set?a=1")

    assert browser.get("/data").json == {"a": "1", "count": 2}


def test_one_that_never_stops_is_stopped_and_logged(site, caplog):
    def rotate_for_ever(event):
        from shopapp.sessions import rotate

        event.request.session["count"] = event.request.session.get("count", 0) + 1
        rotate(event.request, "again")

    subscribe(site, rotate_for_ever, SessionStarted)
    subscribe(site, rotate_for_ever, SessionRotated)
    browser = site.browser()

    with caplog.at_level(logging.ERROR):
        browser.get("/set?a=1")

    assert "session_never_settles" in caplog.text
    assert browser.get("/data").json["count"] >= 4


def by_callback(request, change):
    """Change the session in a response callback."""
    request.add_response_callback(lambda request, response: change(request.session))


@pytest.mark.parametrize("has_looked", [True, False])
def test_what_a_response_callback_puts_in_is_saved_with_a_cookie_and_both_clocks(site, has_looked):
    def act(request):
        if has_looked:
            request.session.get("color")
        by_callback(request, lambda session: session.update({"color": "red"}))

    browser = site.browser()
    site.run(browser, act)

    assert browser.get("/data").json == {"color": "red"}
    assert b'"ends":' in site.redis.get(site.key_of(cookie_of(browser)))


@pytest.mark.parametrize("has_session", [True, False])
def test_what_a_subscriber_of_new_response_puts_in_is_saved_with_a_cookie_and_both_clocks(site, has_session):
    browser = site.browser()
    if has_session:
        browser.get("/set?size=9")
    subscribe(site, lambda event: event.request.session.update({"late": "1"}), NewResponse)

    browser.get("/plain")

    assert browser.get("/data").json["late"] == "1"
    assert b'"ends":' in site.redis.get(site.key_of(cookie_of(browser)))


def test_a_session_that_a_response_callback_ends_is_ended(site):
    browser = site.browser()
    browser.get("/login")

    site.run(browser, lambda request: by_callback(request, lambda session: session.invalidate()))

    assert browser.get("/data").json == {}
    assert [event.reason for event in site.events(SessionEnded)] == ["invalid"]


def test_a_request_that_failed_saves_nothing_late_either(site):
    def act(request):
        from session_site import Trouble

        request.session.get("color")
        by_callback(request, lambda session: session.update({"color": "red"}))
        raise Trouble(500)

    response = site.run(None, act, status=500)

    assert set_cookie(response) is None
    assert site.redis_keys() == []


def test_a_subrequest_without_tweens_saves_too(site):
    from pyramid.request import Request

    def act(request):
        inner = Request.blank("/set?inner=1")
        inner.cookies["session"] = cookie_of(browser)
        request.invoke_subrequest(inner, use_tweens=False)

    browser = site.browser()
    browser.get("/set?a=1")
    site.run(None, act)

    assert browser.get("/data").json == {"a": "1", "inner": "1"}


def test_a_cookie_that_is_due_goes_out_with_a_late_change(site, clock):
    browser = site.browser()
    browser.get("/set?a=1")
    old = cookie_of(browser)
    clock.shift(HOUR)

    site.run(browser, lambda request: by_callback(request, lambda session: session.update({"late": "1"})))

    assert cookie_of(browser) != old
    assert browser.get("/data").json == {"a": "1", "late": "1"}
