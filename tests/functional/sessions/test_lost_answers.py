"""Browsers that never get the answer, and answers of Redis that are lost: whoever tries again has what they had."""

import pytest
import redis

from session_app import cookie_of
from session_site import HOUR, handle_of, set_cookie
from shopapp.events import LoginRepeated, SessionEnded, SessionRotated, UserLoggedIn
from shopapp.redis import StoreUnavailable

INTERVAL, GRACE, LATE = HOUR // 2, 30, 600


def data(site, cookie):
    """What a cookie leads to."""
    return site.visit("/data", cookie).json


def value_of(response):
    """The cookie that a response sets."""
    return set_cookie(response)["value"]


@pytest.fixture
def person(site):
    """The cookie of person 1."""
    return value_of(site.visit("/login?user=1", None))


# A rotation


def test_a_browser_that_loses_the_answer_of_a_rotation_ten_times_in_a_row_is_still_signed_in(site, person, clock):
    clock.shift(INTERVAL)

    offered = set()
    for _ in range(10):
        clock.shift(LATE + 1)
        response = site.visit("/data", person)
        assert response.json["user"]["id"] == 1
        offered.add(value_of(response))

    assert len(offered) == 1  # the same one again, whenever it arrives
    assert data(site, offered.pop())["user"]["id"] == 1
    assert site.events(SessionEnded) == []


def test_a_laptop_that_was_closed_before_the_answer_came_is_still_signed_in(site, person, clock):
    clock.shift(INTERVAL)
    lost = value_of(site.visit("/data", person))
    clock.shift(2 * HOUR)

    assert data(site, person)["user"]["id"] == 1
    assert data(site, lost)["user"]["id"] == 1


def test_a_browser_that_writes_and_loses_the_answer_has_written(site, person, clock):
    clock.shift(INTERVAL)
    site.visit("/set?color=red", person)
    clock.shift(LATE + 1)

    assert data(site, person)["color"] == "red"


def test_the_old_id_is_good_until_the_new_one_is_shown_and_a_few_seconds_more(site, person, clock):
    clock.shift(INTERVAL)
    new = value_of(site.visit("/data", person))
    site.visit("/data", new)
    assert [event.reason for event in site.events(SessionRotated)] == ["periodic"]

    clock.shift(GRACE)
    assert data(site, person)["user"]["id"] == 1
    clock.shift(1)
    assert data(site, person) == {}
    assert data(site, new)["user"]["id"] == 1
    clock.shift(LATE)
    assert data(site, person) == {}
    assert [event.reason for event in site.events(SessionEnded)] == ["reused"]
    assert data(site, new) == {}


def test_the_new_id_is_shown_for_the_first_time_in_a_request_that_writes(site, person, clock):
    clock.shift(INTERVAL)
    new = value_of(site.visit("/data", person))

    assert site.visit("/set?color=red", new).json["color"] == "red"
    assert set_cookie(site.visit("/data", new)) is None


def test_ids_from_the_whole_life_of_a_session_are_remembered(make_site, clock):
    site = make_site(absolute_timeout="None", rotation_interval=60, rotation_grace=0, rotation_late=0)
    browser = site.browser()
    browser.get("/login")
    first = cookie_of(browser)
    for _ in range(100):
        clock.shift(61)
        browser.get("/data")
    assert browser.get("/data").json["user"]["id"] == 1

    site.visit("/data", first)

    assert [event.reason for event in site.events(SessionEnded)] == ["reused"]


# A thief who is faster


def test_a_theft_that_went_unnoticed_ends_when_its_victim_has_to_sign_in(site, clock):
    stolen = value_of(site.visit("/login?user=1", None))
    clock.shift(INTERVAL)
    thiefs = value_of(site.visit("/data", stolen))
    site.visit("/data", thiefs)
    clock.shift(GRACE + 1)
    assert data(site, stolen) == {}  # the victim is turned away,

    victims = value_of(site.visit("/login?user=1", stolen))  # and signs in again

    assert [event.reason for event in site.events(SessionEnded)] == ["reused"]
    assert data(site, thiefs) == {}
    assert data(site, victims)["user"]["id"] == 1


def test_another_person_who_signs_in_with_a_retired_id_ends_nobodys_session(site, clock):
    stolen = value_of(site.visit("/login?user=1", None))
    clock.shift(INTERVAL)
    new = value_of(site.visit("/data", stolen))
    site.visit("/data", new)
    clock.shift(GRACE + 1)

    site.visit("/login?user=2", stolen)

    assert site.events(SessionEnded) == []
    assert data(site, new)["user"]["id"] == 1


def test_with_end_on_reuse_off_a_sign_in_ends_no_other_session(make_site, clock):
    site = make_site(end_on_reuse="false")
    old = value_of(site.visit("/login?user=1", None))
    clock.shift(INTERVAL)
    new = value_of(site.visit("/data", old))
    site.visit("/data", new)
    clock.shift(GRACE + 1)

    site.visit("/login?user=1", old)

    assert data(site, new)["user"]["id"] == 1


# Clocks of app servers that differ


@pytest.mark.parametrize(("ahead", "served"), [(25, True), (590, False)])
def test_clocks_that_differ_turn_no_request_away_and_end_no_session(site, person, clock, ahead, served):
    """The server that is shown the new id is behind, so the next one thinks that it was long ago; or the reverse."""
    clock.shift(INTERVAL)
    new = value_of(site.visit("/data", person))
    site.visit("/data", new)

    clock.shift(ahead)
    assert (data(site, person) != {}) is served
    clock.shift(-2 * ahead)
    assert data(site, person)["user"]["id"] == 1
    assert site.events(SessionEnded) == []


# One sign-in form


def login_with(form, user=1):
    """An action that signs in by a form."""
    return lambda request: request.registry.notify(UserLoggedIn(request, user, "1@example.com", "One", form=form))


def cookies_of_three(site, before, form):
    """The cookies of three answers to the same form, sent with the same cookie."""
    return [value_of(site.run(before, login_with(form))) for _ in range(3)]


@pytest.mark.parametrize("came_with", ["nothing", "a visitor's session", "their own session", "another's session"])
def test_a_form_that_is_sent_three_times_is_one_session_whichever_answer_the_browser_keeps(site, came_with):
    paths = {
        "a visitor's session": "/set?a=1",
        "their own session": "/login?user=1",
        "another's session": "/login?user=2",
    }
    before = value_of(site.visit(paths[came_with], None)) if came_with in paths else None

    cookies = cookies_of_three(site, before, "the form")

    assert [data(site, cookie)["user"]["id"] for cookie in cookies] == [1, 1, 1]
    assert len({handle_of(cookie) for cookie in cookies}) == 1
    assert len(site.session_keys()) == 1 + (came_with == "another's session")  # a marker, for a minute
    assert site.visit("/sessions", cookies[0]).json == [handle_of(cookies[0])]


def test_what_a_visitor_had_is_kept_by_each_of_the_three(site):
    before = value_of(site.visit("/set?color=red", None))

    assert [data(site, cookie)["color"] for cookie in cookies_of_three(site, before, "the form")] == ["red"] * 3


def test_a_sign_in_that_came_again_is_told_as_that(site):
    cookies_of_three(site, None, "the form")

    assert len(site.events(LoginRepeated)) == 2


def test_two_forms_are_two_sessions_and_so_is_one_form_of_two_people(site):
    cookies = [value_of(site.run(None, login_with(form, user))) for form, user in (("a", 1), ("b", 1), ("a", 2))]

    assert len({handle_of(cookie) for cookie in cookies}) == 3
    assert [data(site, cookie)["user"]["id"] for cookie in cookies] == [1, 1, 2]


def test_a_form_that_is_sent_again_much_later_cuts_off_the_cookies_from_before(site, clock):
    first = value_of(site.run(None, login_with("the form")))
    clock.shift(61)

    second = value_of(site.run(None, login_with("the form")))

    assert data(site, second)["user"]["id"] == 1
    assert data(site, first) == {}
    assert len(site.session_keys()) == 1


def test_a_form_that_is_sent_again_after_the_logout_is_a_session_of_its_own(site):
    first = value_of(site.run(None, login_with("the form")))
    site.visit("/logout", first)

    second = value_of(site.run(None, login_with("the form")))

    assert data(site, second)["user"]["id"] == 1
    assert data(site, first) == {}


# Answers of Redis that are lost after it has done what was asked


def lose_answers(site, count, *names):
    """Lose the answers of the next ``count`` commands of these names, after Redis has done them."""
    honest, left = type(site.redis).execute_command, [count]

    def execute(*args, **options):
        answer = honest(site.redis, *args, **options)
        if args[0] in names and left[0]:
            left[0] -= 1
            raise redis.exceptions.ConnectionError("the answer is lost")
        return answer

    site.redis.execute_command = execute


@pytest.mark.parametrize("path", ["/set?color=blue", "/login?user=1", "/password", "/rotate", "/logout", "/data"])
@pytest.mark.parametrize("name", ["GET", "EVALSHA"])
def test_one_lost_answer_is_noticed_by_nobody(site, path, name):
    browser, other = site.browser(), site.browser()
    for each in (browser, other):
        each.get("/login?user=1")
    lose_answers(site, 1, name)

    browser.get(path)

    del site.redis.execute_command
    assert ("user" in browser.get("/data").json) is (path != "/logout")
    assert site.redis.zcard("session:user:1") == {"/logout": 1, "/password": 1}.get(path, 2)


def fail_unheard(site, browser, path, count=2):
    """Send a request of which Redis' answers to its writes are lost; it gets an error page, as in any real app."""
    lose_answers(site, count, "EVALSHA", "SET")
    try:
        return browser.get(path, expect_errors=True)
    finally:
        del site.redis.execute_command


@pytest.fixture
def site_with_error_page(make_site):
    """A site that answers 503 where Redis is away."""
    site = make_site()
    site.answer_errors(StoreUnavailable)
    return site


@pytest.mark.parametrize("path", ["/password", "/rotate", "/login?user=1"])
@pytest.mark.parametrize("was_done", [True, False])
def test_after_a_503_at_a_change_of_id_the_person_is_still_signed_in(site_with_error_page, path, was_done):
    site = site_with_error_page
    browser = site.browser()
    browser.get("/login?user=1")
    browser.get("/set?color=red")
    if was_done:
        response = fail_unheard(site, browser, path)
    else:
        site.redis.before = lambda name: fail_if(name == "EVALSHA")
        response = browser.get(path, expect_errors=True)
        site.redis.before = lambda name: None

    assert response.status_int == 503
    assert browser.get("/data").json["user"]["id"] == 1
    assert browser.get("/data").json["color"] == "red"
    assert browser.get(path).status_int == 200
    assert browser.get("/data").json["color"] == "red"


def fail_if(is_time):
    """Fail as redis-py does without a connection."""
    if is_time:
        raise redis.exceptions.ConnectionError("away")


@pytest.mark.parametrize("wait", [0, 62, HOUR])
@pytest.mark.parametrize("form", ["", "the form"])
def test_after_a_503_at_a_visitors_login_whoever_tries_again_has_what_they_had(site_with_error_page, clock, wait, form):
    site = site_with_error_page
    browser = site.browser()
    browser.get("/set?color=red")
    lose_answers(site, 2, "EVALSHA")
    response = site.run(browser, login_with(form), expect_errors=True)
    del site.redis.execute_command
    assert response.status_int == 503
    clock.shift(wait)

    site.run(browser, login_with(form))

    assert browser.get("/data").json["color"] == "red"
    assert browser.get("/data").json["user"]["id"] == 1
    assert browser.get("/sessions").json == [handle_of(cookie_of(browser))]
    assert len(site.session_keys()) == 1
