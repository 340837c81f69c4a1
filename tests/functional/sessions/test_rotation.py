"""When a session gets a new id, what the old one is good for afterwards, and what it gives away."""

import pytest
from pyramid.response import Response

from session_app import cookie_of
from session_site import HOUR, Trouble, handle_of, id_of, is_deletion, set_cookie
from shopapp.events import (
    PasswordChanged,
    SessionEnded,
    SessionRotated,
    SessionStarted,
    SessionWriteDropped,
    UserLoggedIn,
    UserLoggedOut,
)
from shopapp.sessions import rotate, save, session_name
from shopapp.settings import SettingsError

INTERVAL = HOUR // 2
GRACE = 30
LATE = 600


@pytest.fixture
def person(site):
    """A browser of person 1."""
    browser = site.browser()
    browser.get("/login?user=1")
    return browser


def data(site, cookie):
    """What a cookie leads to."""
    return site.visit("/data", cookie).json


def rotated(site, browser, clock):
    """Have the periodic rotation take place; return the cookie before it and the one after."""
    old = cookie_of(browser)
    clock.shift(INTERVAL)
    response = browser.get("/data")
    assert set_cookie(response)["value"] == cookie_of(browser) != old
    browser.get("/data")  # which shows the new id, and so retires the old one
    site.forget()
    return old, cookie_of(browser)


# Login


def test_login_gives_a_visitors_session_a_new_id_and_keeps_its_data_and_its_name(site, visitor):
    old = cookie_of(visitor)

    answer = visitor.get("/login?user=1").json

    assert cookie_of(visitor) != old
    assert id_of(cookie_of(visitor)).secret != id_of(old).secret
    assert answer["color"] == visitor.get("/data").json["color"] == "red"
    assert handle_of(cookie_of(visitor)) == handle_of(old)
    assert len(site.session_keys()) == 1


@pytest.mark.parametrize("later", [0, 1, GRACE, LATE, LATE + 1, HOUR])
def test_an_id_from_before_the_login_never_loads_anything(site, visitor, clock, later):
    planted = cookie_of(visitor)
    visitor.get("/login?user=1")
    clock.shift(later)

    response = site.visit("/data", planted)

    assert response.json == {}
    assert set_cookie(response) is None
    assert visitor.get("/data").json["user"]["id"] == 1
    assert site.events(SessionEnded) == []


def test_an_id_that_was_within_its_grace_at_the_login_is_dead_too(site, visitor, clock):
    old, newer = rotated(site, visitor, clock)

    visitor.get("/login?user=1")

    assert data(site, old) == data(site, newer) == {}


def test_what_is_written_with_an_id_from_just_before_the_login_is_dropped(site, visitor):
    """It may be on its way from the same browser: a cookie for it would replace that of the login."""
    planted = cookie_of(visitor)
    visitor.get("/login?user=1")

    response = site.visit("/set?color=blue", planted)

    assert set_cookie(response) is None
    assert visitor.get("/data").json["color"] == "red"
    assert [event.handle for event in site.events(SessionWriteDropped)] == [handle_of(planted)]


def test_what_is_written_with_an_id_from_long_before_the_login_goes_into_another_session(site, visitor, clock):
    planted = cookie_of(visitor)
    visitor.get("/login?user=1")
    clock.shift(600)

    response = site.visit("/set?color=blue", planted)

    assert handle_of(set_cookie(response)["value"]) != handle_of(planted)
    assert visitor.get("/data").json["color"] == "red"


def test_a_login_with_an_id_from_just_before_another_login_gets_its_cookie(site, visitor):
    planted = cookie_of(visitor)
    visitor.get("/login?user=1")

    response = site.visit("/login?user=2", planted)

    assert data(site, set_cookie(response)["value"])["user"]["id"] == 2
    assert visitor.get("/data").json["user"]["id"] == 1


def test_logging_in_once_more_rotates_again(site, person):
    old = cookie_of(person)

    person.get("/login?user=1")

    assert data(site, old) == {}
    assert data(site, cookie_of(person))["user"]["id"] == 1


def test_another_person_who_logs_in_finds_nothing_of_the_one_before(site, person):
    person.get("/set?basket=secret")
    person.get("/flash?text=Welcome")
    old = cookie_of(person)

    person.get("/login?user=2")

    assert set(person.get("/data").json) == {"user"}
    assert person.get("/data").json["user"]["id"] == 2
    assert handle_of(cookie_of(person)) != handle_of(old)
    assert data(site, old) == {}
    assert [(event.handle, event.reason, event.user_id) for event in site.events(SessionEnded)] == [
        (handle_of(old), "superseded", 1)
    ]


def test_invalidating_before_the_login_as_many_apps_do_leaves_one_valid_session(site, visitor):
    old = cookie_of(visitor)

    def log_in(request):
        request.session.invalidate()
        request.registry.notify(UserLoggedIn(request, 1, "1@example.com", "Person 1"))

    site.run(visitor, log_in)

    assert visitor.get("/data").json["user"]["id"] == 1
    assert "color" not in visitor.get("/data").json
    assert data(site, old) == {}
    assert len(site.session_keys()) == 1


# Logout


@pytest.mark.parametrize("later", [0, GRACE, HOUR])
def test_after_logout_the_old_cookie_is_dead(site, person, clock, later):
    old = cookie_of(person)

    response = person.get("/logout")
    clock.shift(later)

    assert is_deletion(response)
    assert site.session_keys() == []
    assert data(site, old) == {}


def test_logging_out_within_the_grace_of_an_id_ends_the_session(site, person, clock):
    old, new = rotated(site, person, clock)

    response = site.visit("/logout", old)

    assert is_deletion(response)
    assert data(site, new) == data(site, old) == {}
    assert site.redis_keys() == []


def test_what_is_put_into_the_session_after_logout_starts_a_new_one(site, person):
    old = cookie_of(person)

    def log_out_and_flash(request):
        from shopapp.events import UserLoggedOut

        request.registry.notify(UserLoggedOut(request, 1))
        request.session.flash("You are signed out")

    response = site.run(person, log_out_and_flash)

    assert handle_of(set_cookie(response)["value"]) != handle_of(old)
    assert person.get("/data").json == {"_f_": ["You are signed out"]}
    assert data(site, old) == {}


# Password change and rotation by the app


@pytest.mark.parametrize("path", ["/password", "/rotate"])
@pytest.mark.parametrize("later", [0, GRACE, LATE + 1])
def test_a_rotation_by_the_app_leaves_no_way_from_the_old_id(site, person, clock, path, later):
    person.get("/set?color=red")
    old = cookie_of(person)

    person.get(path)
    clock.shift(later)

    assert data(site, old) == {}
    assert person.get("/data").json["color"] == "red"
    assert handle_of(cookie_of(person)) == handle_of(old)
    assert site.events(SessionEnded) == []


@pytest.mark.parametrize(("path", "reason"), [("/password", "password"), ("/rotate", "test"), ("/login", "login")])
def test_a_rotation_is_told_once_with_its_reason(site, person, path, reason):
    site.forget()

    person.get(path)

    told = [(event.handle, event.reason, event.user_id) for event in site.events(SessionRotated)]
    assert told == [(handle_of(cookie_of(person)), reason, 1)]
    assert site.events(SessionStarted) == []


def test_rotating_a_session_that_is_new_in_this_request_is_no_rotation(site):
    def act(request):
        request.session["color"] = "red"
        rotate(request, "test")

    response = site.run(None, act)

    assert data(site, set_cookie(response)["value"]) == {"color": "red"}
    assert site.events(SessionRotated) == []
    assert len(site.events(SessionStarted)) == 1


def test_rotating_twice_in_a_request_is_one_rotation(site, visitor):
    def act(request):
        rotate(request, "first")
        rotate(request, "second")

    site.run(visitor, act)

    assert [event.reason for event in site.events(SessionRotated)] == ["first"]
    assert visitor.get("/data").json == {"color": "red"}


def test_a_rotation_counts_as_one_for_the_periodic_rotation(site, visitor, clock):
    clock.shift(INTERVAL - 1)
    visitor.get("/rotate")
    clock.shift(INTERVAL - 1)

    assert set_cookie(visitor.get("/plain")) is None
    before = cookie_of(visitor)
    visitor.get("/data")
    assert cookie_of(visitor) == before


# The periodic rotation


def test_a_session_in_use_gets_a_new_id_after_the_interval_and_not_before(site, visitor, clock):
    first = cookie_of(visitor)
    clock.shift(INTERVAL - 1)
    visitor.get("/data")
    assert cookie_of(visitor) == first

    clock.shift(1)
    assert visitor.get("/data").json == {"color": "red"}

    assert cookie_of(visitor) != first
    assert handle_of(cookie_of(visitor)) == handle_of(first)
    assert site.events(SessionRotated) == []  # the browser may not have got it yet
    assert visitor.get("/data").json == {"color": "red"}
    assert [event.reason for event in site.events(SessionRotated)] == ["periodic"]


def test_without_an_interval_the_id_stays(make_site, clock):
    site = make_site(rotation_interval="None", timeout=10 * HOUR)
    browser = site.browser()
    browser.get("/set?color=red")
    first = cookie_of(browser)

    clock.shift(9 * HOUR)
    browser.get("/data")

    assert cookie_of(browser) == first


def test_the_page_that_is_answered_during_the_rotation_sees_and_keeps_its_changes(site, visitor, clock):
    clock.shift(INTERVAL)

    visitor.get("/set?color=blue&size=9")

    assert visitor.get("/data").json == {"color": "blue", "size": "9"}


@pytest.mark.parametrize("later", [0, 1, GRACE])
def test_within_the_grace_the_old_id_reads_the_session_and_is_given_the_new_cookie(site, visitor, clock, later):
    old, new = rotated(site, visitor, clock)
    clock.shift(later)

    response = site.visit("/data", old)

    assert response.json == {"color": "red"}
    assert set_cookie(response)["value"] == new
    assert set_cookie(response)["max-age"] == "10800"
    assert site.told == []


def test_within_the_grace_the_old_id_writes_the_session_and_does_not_rotate_again(site, visitor, clock):
    old, new = rotated(site, visitor, clock)

    response = site.visit("/set?size=9", old)

    assert set_cookie(response)["value"] == new
    assert data(site, new) == {"color": "red", "size": "9"}
    assert site.told == []
    assert len(site.session_keys()) == 1


def test_within_the_grace_the_name_of_the_session_is_the_same(site, visitor, clock):
    old, new = rotated(site, visitor, clock)

    names = [site.run(cookie, session_name) and site.returned for cookie in (old, new)]

    assert names[0] == names[1] == handle_of(new)


def test_a_login_with_the_old_id_within_the_grace_is_one_valid_session(site, visitor, clock):
    old, new = rotated(site, visitor, clock)

    response = site.visit("/login?user=1", old)

    assert data(site, set_cookie(response)["value"])["user"]["id"] == 1
    assert data(site, old) == data(site, new) == {}
    assert len(site.session_keys()) == 1


def test_a_late_id_is_refused_but_the_session_lives_and_the_cookie_is_left_alone(site, visitor, clock):
    old, new = rotated(site, visitor, clock)
    for wait in (GRACE + 1, LATE - GRACE - 1):
        clock.shift(wait)
        response = site.visit("/data", old)

        assert response.json == {}
        assert set_cookie(response) is None

    assert data(site, new) == {"color": "red"}
    assert site.told == []


def test_a_retired_id_that_turns_up_later_ends_the_session(site, person, clock):
    old, new = rotated(site, person, clock)
    clock.shift(LATE + 1)

    response = site.visit("/data", old)

    assert response.json == {}
    assert is_deletion(response)
    assert data(site, new) == {}
    assert [(event.handle, event.reason, event.user_id) for event in site.events(SessionEnded)] == [
        (handle_of(new), "reused", 1)
    ]
    assert site.redis_keys() == []


def test_the_end_by_reuse_is_told_once(site, person, clock):
    old, new = rotated(site, person, clock)
    clock.shift(LATE + 1)

    for cookie in (old, old, new):
        site.visit("/data", cookie)

    assert len(site.events(SessionEnded)) == 1


def test_an_early_id_that_turns_up_after_many_rotations_ends_the_session(site, visitor, clock):
    first, _ = rotated(site, visitor, clock)
    for _ in range(5):
        rotated(site, visitor, clock)

    site.visit("/data", first)

    assert [event.reason for event in site.events(SessionEnded)] == ["reused"]
    assert visitor.get("/data").json == {}


def test_with_end_on_reuse_off_a_stolen_id_is_merely_refused(make_site, clock):
    site = make_site(end_on_reuse="false")
    browser = site.browser()
    browser.get("/set?color=red")
    old, new = rotated(site, browser, clock)
    clock.shift(LATE + 1)

    response = site.visit("/data", old)

    assert response.json == {}
    assert set_cookie(response) is None
    assert data(site, new) == {"color": "red"}
    assert site.told == []


def test_the_grace_and_the_lateness_are_settings(make_site, clock):
    site = make_site(rotation_grace=60, rotation_late=120, rotation_interval=600)
    browser = site.browser()
    browser.get("/set?color=red")
    old = cookie_of(browser)
    clock.shift(600)
    browser.get("/data")
    browser.get("/data")

    clock.shift(60)
    assert data(site, old) == {"color": "red"}
    clock.shift(60)
    assert data(site, old) == {}
    assert browser.get("/data").json == {"color": "red"}
    clock.shift(1)
    assert is_deletion(site.visit("/data", old))


def test_without_a_grace_the_old_id_is_refused_a_second_later(make_site, clock):
    site = make_site(rotation_grace=0)
    browser = site.browser()
    browser.get("/set?color=red")
    old, new = rotated(site, browser, clock)
    clock.shift(1)

    assert data(site, old) == {}
    assert data(site, new) == {"color": "red"}


def test_two_rotations_in_a_row_leave_only_the_last_two_ids_good(site, visitor, clock):
    first, second = rotated(site, visitor, clock)
    _, third = rotated(site, visitor, clock)

    assert set_cookie(site.visit("/data", second))["value"] == third
    assert data(site, third) == {"color": "red"}
    assert is_deletion(site.visit("/data", first))


def test_an_interval_within_the_grace_stops_the_start(make_site):
    with pytest.raises(SettingsError, match="rotation_interval is not more than"):
        make_site(rotation_interval=300, rotation_grace=600, rotation_late=900)


def test_an_app_with_another_secret_in_front_rotates_and_still_knows_the_way(make_site, clock):
    old_site = make_site(secret="the-former-secret-of-this-app-1")
    browser = old_site.browser()
    browser.get("/set?color=red")
    old = cookie_of(browser)
    site = make_site(secret="the-newer-secret-of-this-app-22 the-former-secret-of-this-app-1")
    clock.shift(INTERVAL)
    new = set_cookie(site.visit("/data", old))["value"]

    response = site.visit("/data", old)

    assert response.json == {"color": "red"}
    assert set_cookie(response)["value"] == new


# What may not rotate


def cacheable(request):
    """A response that a shared cache may keep, and which therefore may carry no cookie."""
    response = Response("cached")
    response.headers["Cache-Control"] = "public"
    request.session.get("color")
    return response


def test_no_rotation_takes_place_where_the_response_may_not_carry_the_cookie(make_site, clock):
    site = make_site(func_check_response_allow_cookies="pyramid_session_redis.check_response_allow_cookies")
    browser = site.browser()
    browser.get("/set?color=red")
    old = cookie_of(browser)
    clock.shift(INTERVAL)

    response = site.run(browser, cacheable)

    assert set_cookie(response) is None
    assert site.events(SessionRotated) == []
    browser.get("/data")
    assert cookie_of(browser) != old


def test_no_rotation_takes_place_on_an_error_page_that_may_not_carry_the_cookie(make_site, clock):
    site = make_site(cookie_on_exception="false")
    browser = site.browser()
    browser.get("/set?color=red")
    clock.shift(INTERVAL)

    def refuse(request):
        request.session["size"] = 9
        raise Trouble(403)

    response = site.run(browser, refuse, status=403)

    assert set_cookie(response) is None
    assert site.events(SessionRotated) == []
    assert browser.get("/data").json == {"color": "red", "size": 9}


def log_in_and_fail(request):
    """A login, and then a failure that has an error page."""
    request.registry.notify(UserLoggedIn(request, 1, "1@example.com", "Person 1"))
    raise Trouble(500)


def log_in_and_break(request):
    """A login, and then a failure that nobody handles."""
    request.registry.notify(UserLoggedIn(request, 1, "1@example.com", "Person 1"))
    raise ZeroDivisionError


def change_password_and_fail(request):
    """A password change, and then a failure."""
    request.session["color"] = "blue"
    rotate(request, "test")
    raise Trouble(503)


def answer_500(request):
    """A view that answers a failure by itself."""
    request.session["color"] = "blue"
    return Response(status=500)


@pytest.mark.parametrize("fail", [log_in_and_fail, log_in_and_break, change_password_and_fail, answer_500])
@pytest.mark.parametrize("due", [False, True])
def test_a_failed_request_rotates_and_saves_nothing_and_sets_no_cookie(site, visitor, clock, fail, due):
    before = cookie_of(visitor)
    clock.shift(INTERVAL if due else 1)
    site.forget()
    values = {key: site.redis.get(key) for key in site.redis_keys()}

    if fail is log_in_and_break:
        with pytest.raises(ZeroDivisionError):
            site.run(visitor, fail)
    else:
        assert set_cookie(site.run(visitor, fail, status="5*")) is None

    assert {key: site.redis.get(key) for key in site.redis_keys()} == values
    assert cookie_of(visitor) == before
    assert [event for event in site.told if not isinstance(event, UserLoggedIn)] == []


@pytest.mark.parametrize("fail", [log_in_and_fail, answer_500])
def test_a_failed_first_request_leaves_nothing_behind(site, fail):
    response = site.run(None, fail, status="5*")

    assert set_cookie(response) is None
    assert site.redis_keys() == []
    assert site.events(SessionStarted) == []


def test_a_refusal_is_no_failure_and_saves(site, visitor):
    def refuse(request):
        request.session["tries"] = 1
        raise Trouble(403)

    site.run(visitor, refuse, status=403)

    assert visitor.get("/data").json == {"color": "red", "tries": 1}


def test_a_logout_before_a_failure_stands(site, person):
    old = cookie_of(person)

    def log_out_and_fail(request):
        from shopapp.events import UserLoggedOut

        request.registry.notify(UserLoggedOut(request, 1))
        raise Trouble(500)

    response = site.run(person, log_out_and_fail, status=500)

    assert is_deletion(response)
    assert data(site, old) == {}
    assert [event.reason for event in site.events(SessionEnded)] == ["logout"]


def test_a_password_change_of_a_person_is_told_before_anything_is_rotated(site, person):
    site.forget()

    person.get("/password")

    assert [type(event) for event in site.told] == [PasswordChanged, SessionRotated]


def test_a_rotation_beside_a_login_takes_nothing_from_it(site, visitor):
    def log_in_and_rotate(request):
        rotate(request, "before")
        request.registry.notify(UserLoggedIn(request, 1, "1@example.com", "Person 1"))
        rotate(request, "after")

    site.run(visitor, log_in_and_rotate)

    assert [event.reason for event in site.events(SessionRotated)] == ["login"]
    assert visitor.get("/sessions").json == [handle_of(cookie_of(visitor))]


def test_ending_twice_in_a_request_ends_once(site, person):
    def log_out_twice(request):
        request.session.invalidate()
        for _ in range(2):
            request.registry.notify(UserLoggedOut(request, 1))

    site.run(person, log_out_twice)

    assert len(site.events(SessionEnded)) == 1
    assert person.get("/data").json == {}


@pytest.mark.parametrize("take_back", ["logout", "invalidate"])
def test_a_login_that_is_taken_back_in_its_request_makes_nobodys_session(site, take_back):
    def log_in_and_out(request):
        request.registry.notify(UserLoggedIn(request, 1, "1@example.com", "Person 1"))
        if take_back == "logout":
            request.registry.notify(UserLoggedOut(request, 1))
        else:
            request.session.invalidate()
        request.session["color"] = "red"

    browser = site.browser()
    site.run(browser, log_in_and_out)

    assert [event.user_id for event in site.events(SessionStarted)] == [None]
    assert browser.get("/data").json == {"color": "red"}
    assert site.redis.keys("session:user:*") == []


def test_what_was_saved_before_a_request_failed_keeps_its_cookie(site, person):
    def rotate_and_fail(request):
        rotate(request, "test")
        save(request)
        request.session["color"] = "lost"
        return Response("a fault", status=500)

    site.run(person, rotate_and_fail, status=500)

    assert person.get("/data").json["user"]["id"] == 1
    assert person.get("/data").json.get("color") != "lost"
