"""What is told of a session's life: each fact once, with all that a subscriber needs, and never an id."""

import logging

import pytest

from session_app import cookie_of
from session_site import HOUR, Trouble, handle_of, id_of, set_cookie
from shopapp.audit import EVENTS
from shopapp.events import (
    RAISE_OBSERVER_ERRORS,
    PasswordChanged,
    SessionEnded,
    SessionRotated,
    SessionStarted,
    SessionWriteDropped,
    UserLoggedIn,
    UserLoggedOut,
    UserLoginFailed,
    add_observer,
)
from shopapp.sessions import save


@pytest.fixture
def visitor(site):
    """A browser that has not been here before."""
    return site.browser()


def told(site):
    """The names of the events in the order in which they were told; forgotten afterwards."""
    names = [type(event).__name__ for event in site.told]
    site.forget()
    return names


def test_each_step_of_a_life_is_told_once_and_in_order(site, visitor, clock):
    visitor.get("/plain")
    visitor.get("/data")
    assert told(site) == []

    visitor.get("/set?color=red")
    assert told(site) == ["SessionStarted"]

    visitor.get("/set?color=blue")
    visitor.get("/data")
    assert told(site) == []

    visitor.get("/login")
    assert told(site) == ["UserLoggedIn", "SessionRotated"]

    clock.shift(HOUR)
    visitor.get("/data")
    assert told(site) == []  # its answer may be lost
    visitor.get("/data")
    assert told(site) == ["SessionRotated"]

    visitor.get("/password")
    assert told(site) == ["PasswordChanged", "SessionRotated"]

    visitor.get("/logout")
    assert told(site) == ["UserLoggedOut", "SessionEnded"]

    visitor.get("/logout")
    assert told(site) == []


def test_the_start_of_a_visitors_session_has_its_handle_and_nobody(site, visitor):
    visitor.get("/set?color=red")

    (event,) = site.told
    assert (event.handle, event.user_id) == (handle_of(cookie_of(visitor)), None)
    assert event.request.path == "/set"


def test_the_start_of_a_persons_session_has_its_handle_and_the_person(site, visitor):
    visitor.get("/login?user=7")

    (event,) = site.events(SessionStarted)
    assert (event.handle, event.user_id) == (handle_of(cookie_of(visitor)), 7)


def test_an_event_is_told_when_its_fact_is_stored(site, visitor):
    stored = []
    site.registry.registerHandler(lambda event: stored.append(site.session_keys()), (SessionStarted,))

    visitor.get("/set?color=red")

    assert stored == [[site.key_of(cookie_of(visitor))]]


def test_a_rotation_has_the_handle_that_stays_its_reason_and_the_person(site, visitor):
    visitor.get("/set?color=red")
    handle = handle_of(cookie_of(visitor))

    visitor.get("/login?user=7")

    (event,) = site.events(SessionRotated)
    assert (event.handle, event.reason, event.user_id) == (handle, "login", 7)


def test_a_logout_has_the_handle_of_what_ended_its_reason_and_the_person(site, visitor):
    visitor.get("/login?user=7")
    handle = handle_of(cookie_of(visitor))

    visitor.get("/logout")

    (event,) = site.events(SessionEnded)
    assert (event.handle, event.reason, event.user_id) == (handle, "logout", 7)


def test_a_session_that_the_app_invalidates_is_told_as_ended(site, visitor):
    visitor.get("/login?user=7")
    handle = handle_of(cookie_of(visitor))

    visitor.get("/invalidate")

    assert [(event.handle, event.user_id) for event in site.events(SessionEnded)] == [(handle, 7)]
    assert site.redis_keys() == []


def test_a_write_to_an_ended_session_is_told_as_dropped(site, visitor):
    visitor.get("/login?user=7")
    old = cookie_of(visitor)
    site.forget()

    def change_what_ends_meanwhile(request):
        request.session["color"] = "blue"
        visitor.get("/logout")

    response = site.run(old, change_what_ends_meanwhile)

    (event,) = site.events(SessionWriteDropped)
    assert (event.handle, event.user_id) == (handle_of(old), 7)
    assert set_cookie(response) is None
    assert site.redis_keys() == []


def test_saving_early_tells_no_event_twice(site):
    def act(request):
        request.session["color"] = "red"
        save(request)
        request.session["color"] = "blue"
        save(request)
        request.session["color"] = "green"

    cookie = set_cookie(site.run(None, act))["value"]

    assert told(site) == ["SessionStarted"]
    assert site.visit("/data", cookie).json == {"color": "green"}


def test_a_request_that_failed_tells_nothing_but_what_had_ended(site, visitor):
    def fail(request):
        request.session["color"] = "red"
        raise Trouble(500)

    site.run(visitor, fail, status=500)

    assert site.told == []


def test_no_event_has_an_id_in_it(site, visitor, clock):
    secrets = set()
    for path in ("/set?color=red", "/login", "/data", "/rotate", "/password", "/login?user=2", "/logout"):
        clock.shift(HOUR / 2)
        visitor.get(path)
        if visitor.cookies:
            cookie = cookie_of(visitor)
            secrets |= {cookie, str(id_of(cookie)), id_of(cookie).series, id_of(cookie).secret}

    fields = {str(getattr(event, name)) for event in site.told for name in type(event).__slots__ if name != "request"}
    assert len(secrets) >= 20
    assert not {(secret, field) for secret in secrets for field in fields if secret in field}


# The audit log


@pytest.fixture
def lines(caplog):
    """A function that returns the audit lines until now."""
    caplog.set_level(logging.INFO, logger="shopapp.audit")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "shopapp.audit"]


def test_each_event_is_one_line(site, visitor, lines):
    visitor.get("/set?color=red")
    visitor.get("/login?user=7")
    handle = handle_of(cookie_of(visitor))
    visitor.get("/logout")

    assert [line.strip() for line in lines()] == [
        f"event=SessionStarted address=192.0.2.1 handle={handle}",
        "event=UserLoggedIn address=192.0.2.1 user_id=7",
        f"event=SessionRotated address=192.0.2.1 handle={handle} reason=login user_id=7",
        "event=UserLoggedOut address=192.0.2.1 user_id=7",
        f"event=SessionEnded address=192.0.2.1 handle={handle} reason=logout user_id=7",
    ]


def test_no_line_of_any_log_has_an_id_or_a_cookie_in_it(site, visitor, clock, caplog):
    caplog.set_level(logging.DEBUG)
    secrets = set()
    for path in ("/set?color=red", "/login", "/data", "/rotate", "/password", "/login?user=2", "/logout"):
        clock.shift(HOUR / 2)
        visitor.get(path)
        if visitor.cookies:
            cookie = cookie_of(visitor)
            secrets |= {cookie, id_of(cookie).series, id_of(cookie).secret}
            site.visit("/data", cookie[:-1])

    assert len(caplog.records) >= 10
    assert not {secret for secret in secrets for record in caplog.records if secret in record.getMessage()}


def test_what_was_typed_at_a_failed_login_is_in_no_line(site, visitor, lines):
    def fail(request):
        request.registry.notify(UserLoginFailed(request, "hunter2\nevent=UserLoggedIn"))

    site.run(visitor, fail)

    assert [line.strip() for line in lines()] == ["event=UserLoginFailed address=192.0.2.1"]


def test_a_user_id_cannot_forge_a_line(site, visitor, lines):
    def log_in(request):
        request.registry.notify(UserLoggedIn(request, "7\nevent=SessionEnded handle=x", "", ""))

    site.run(visitor, log_in)

    assert not any("\n" in line for line in lines())


@pytest.mark.parametrize("where", ["redis", "cookie"])
def test_rubbish_is_a_counted_log_line(site, visitor, caplog, where):
    visitor.get("/set?color=red")
    cookie = cookie_of(visitor)
    caplog.clear()
    if where == "redis":
        site.redis.set(site.key_of(cookie), "rubbish")

    site.visit("/data", cookie if where == "redis" else f"{cookie[:-1]}_")

    (record,) = [record for record in caplog.records if record.name == "shopapp.audit"]
    assert record.levelname == "WARNING"
    assert "event=SessionRefused" in record.getMessage()


def test_each_event_is_counted_by_name_and_reason(site, visitor):
    def count(name, reason):
        return EVENTS.labels(name, reason)._value.get()

    before = [count("SessionStarted", ""), count("SessionEnded", "logout"), count("SessionEnded", "revoked")]
    visitor.get("/login")
    visitor.get("/logout")

    after = [count("SessionStarted", ""), count("SessionEnded", "logout"), count("SessionEnded", "revoked")]
    assert after == [before[0] + 1, before[1] + 1, before[2]]


# Those who listen


class ListenerError(Exception):
    """An observer that fails."""


def fail(event):
    """Observe badly."""
    raise ListenerError


@pytest.mark.parametrize("event", [UserLoggedIn, SessionStarted, SessionEnded, UserLoggedOut, PasswordChanged])
def test_an_observer_that_fails_is_logged_and_fails_no_request_in_production(make_site, caplog, event):
    site = make_site()
    site.registry[RAISE_OBSERVER_ERRORS] = False
    observe_with(site, fail, event)
    visitor = site.browser()

    for path in ("/login", "/password", "/logout"):
        visitor.get(path)

    assert "observer_failed event=" + event.__name__ in caplog.text
    assert site.redis_keys() == []


def test_an_observer_that_fails_is_seen_at_once_in_development(make_site):
    site = make_site()
    observe_with(site, fail, SessionStarted)

    with pytest.raises(ListenerError):
        site.visit("/set?color=red", None)


def observe_with(site, handler, event):
    """Add an observer to an app that is already made."""
    from pyramid.config import Configurator

    config = Configurator(registry=site.registry, autocommit=True)
    add_observer(config, handler, event)
