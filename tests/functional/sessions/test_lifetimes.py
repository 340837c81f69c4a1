"""The two clocks of a session, its time to live in Redis, and the age of its cookie."""

import pytest

from session_app import cookie_of
from session_site import DAY, HOUR, Trouble, handle_of, is_deletion, set_cookie
from shopapp.events import SessionEnded

IDLE = 3 * HOUR
ABSOLUTE = 12 * HOUR


def start(site, path="/set?color=red"):
    """Start a session; return its cookie."""
    return set_cookie(site.visit(path, None))["value"]


def data(site, cookie):
    """What a cookie leads to."""
    return site.visit("/data", cookie).json


def ttl_of(site, cookie):
    """Seconds that Redis keeps the session for; -1 for ever, -2 if it does not hold it."""
    return site.redis.ttl(site.key_of(cookie))


def ended(site):
    """What was told of ended sessions."""
    return [(event.handle, event.reason, event.user_id) for event in site.events(SessionEnded)]


def keep_busy(site, cookie, clock, until, step=HOUR):
    """Use a session, without rotation, every ``step`` for ``until`` seconds."""
    for _ in range(until // step):
        clock.shift(step)
        assert data(site, cookie)


@pytest.fixture
def unrotated(make_site):
    """A function that makes a site where ids stay, so that one cookie serves for a whole test."""
    return lambda **settings: make_site(rotation_interval="None", **settings)


# The idle timeout


def test_a_new_session_lives_in_redis_and_in_the_browser_for_the_idle_timeout(site):
    response = site.visit("/set?color=red", None)
    cookie = set_cookie(response)

    assert cookie["max-age"] == str(IDLE)
    assert ttl_of(site, cookie["value"]) == IDLE


def test_the_idle_timeout_slides_with_use(unrotated, clock):
    site = unrotated()
    cookie = start(site)

    for _ in range(3):
        clock.shift(IDLE - 1)
        assert data(site, cookie) == {"color": "red"}


def test_the_timeout_is_pushed_out_at_most_once_per_trigger_and_redis_and_cookie_slide_along(unrotated, clock):
    site = unrotated(timeout=1200, timeout_trigger=300)
    cookie = start(site)
    site.redis.expire(site.key_of(cookie), 777)

    clock.shift(299)
    early = site.visit("/data", cookie)
    assert (set_cookie(early), ttl_of(site, cookie)) == (None, 777)

    clock.shift(1)
    due = site.visit("/data", cookie)
    assert (set_cookie(due)["max-age"], ttl_of(site, cookie)) == ("1200", 1200)

    site.redis.expire(site.key_of(cookie), 777)
    clock.shift(299)
    early_again = site.visit("/data", cookie)
    assert (set_cookie(early_again), ttl_of(site, cookie)) == (None, 777)


def test_the_trigger_means_what_pyramid_session_redis_documents(unrotated, clock):
    site = unrotated(timeout=1200, timeout_trigger=600)
    cookie = start(site)

    clock.shift(599)
    assert set_cookie(site.visit("/data", cookie)) is None
    clock.shift(1)
    assert set_cookie(site.visit("/data", cookie))["max-age"] == "1200"


def test_a_change_before_the_trigger_sets_no_cookie(site, clock):
    cookie = start(site)
    clock.shift(299)

    assert set_cookie(site.visit("/set?color=blue", cookie)) is None


def test_a_change_before_the_trigger_does_not_shorten_the_time_to_live(site, clock):
    cookie = start(site)
    clock.shift(200)
    site.visit("/set?color=blue", cookie)

    clock.shift(IDLE - 200)
    assert data(site, cookie) == {"color": "blue"}


def test_a_session_that_was_not_used_for_the_idle_timeout_is_over_though_redis_still_holds_it(site, clock):
    cookie = start(site)
    site.redis.persist(site.key_of(cookie))
    clock.shift(IDLE + 1)

    response = site.visit("/data", cookie)

    assert response.json == {}
    assert is_deletion(response)
    assert site.session_keys() == []
    assert ended(site) == [(handle_of(cookie), "idle", None)]


def test_the_idle_end_of_a_persons_session_is_told_once_and_leaves_the_index(site, clock):
    cookie = start(site, "/login?user=7")
    clock.shift(IDLE + 1)

    for _ in range(3):
        site.visit("/data", cookie)

    assert ended(site) == [(handle_of(cookie), "idle", 7)]
    assert site.redis_keys() == []


def test_an_end_is_told_even_if_the_request_that_finds_it_fails(site, clock):
    cookie = start(site, "/login?user=7")
    clock.shift(IDLE + 1)

    def look_and_fail(request):
        request.session.get("color")
        raise Trouble(500)

    site.run(cookie, look_and_fail, status=500)

    assert ended(site) == [(handle_of(cookie), "idle", 7)]


def test_a_session_that_redis_let_go_is_gone_without_a_word(site):
    cookie = start(site)
    site.redis.delete(site.key_of(cookie))

    response = site.visit("/data", cookie)

    assert response.json == {}
    assert set_cookie(response) is None
    assert ended(site) == []


def test_what_is_written_after_the_end_starts_a_new_session(site, clock):
    cookie = start(site, "/login?user=7")
    clock.shift(IDLE + 1)

    response = site.visit("/set?color=blue", cookie)

    fresh = set_cookie(response)["value"]
    assert handle_of(fresh) != handle_of(cookie)
    assert data(site, fresh) == {"color": "blue"}
    assert ttl_of(site, fresh) == IDLE


def test_a_session_that_idled_too_long_is_over_for_its_retired_id_too(site, clock):
    old = start(site)
    clock.shift(HOUR)
    new = set_cookie(site.visit("/data", old))["value"]
    clock.shift(IDLE + 1)

    assert data(site, old) == data(site, new) == {}


# The absolute lifetime


@pytest.mark.parametrize("rotation", ["None", "1800"])
def test_a_busy_session_is_over_after_the_absolute_lifetime(make_site, clock, rotation):
    site = make_site(rotation_interval=rotation)
    browser = site.browser()
    browser.get("/set?color=red")
    for _ in range(11):
        clock.shift(HOUR)
        assert browser.get("/data").json == {"color": "red"}
    clock.shift(HOUR - 1)
    assert browser.get("/data").json == {"color": "red"}
    cookie = cookie_of(browser)

    clock.shift(1)
    response = site.visit("/data", cookie)

    assert response.json == {}
    assert is_deletion(response)
    assert site.session_keys() == []
    assert ended(site) == [(handle_of(cookie), "absolute", None)]


def test_the_absolute_end_of_a_persons_session_is_told_once_and_leaves_the_index(unrotated, clock):
    site = unrotated()
    cookie = start(site, "/login?user=7")
    keep_busy(site, cookie, clock, ABSOLUTE - HOUR)
    clock.shift(HOUR)

    for _ in range(3):
        assert data(site, cookie) == {}

    assert ended(site) == [(handle_of(cookie), "absolute", 7)]
    assert site.redis_keys() == []


def test_redis_never_keeps_a_session_beyond_its_absolute_lifetime(unrotated, clock):
    site = unrotated()
    cookie = start(site)
    keep_busy(site, cookie, clock, ABSOLUTE - HOUR)

    assert ttl_of(site, cookie) == HOUR


def test_a_login_begins_both_clocks_anew(unrotated, clock):
    site = unrotated()
    cookie = start(site)
    keep_busy(site, cookie, clock, ABSOLUTE - HOUR)

    cookie = set_cookie(site.visit("/login?user=1", cookie))["value"]

    assert ttl_of(site, cookie) == IDLE
    keep_busy(site, cookie, clock, ABSOLUTE - HOUR)
    clock.shift(HOUR)
    assert data(site, cookie) == {}


@pytest.mark.parametrize("path", ["/rotate", "/password"])
def test_another_rotation_does_not_begin_the_absolute_clock_anew(unrotated, clock, path):
    site = unrotated()
    cookie = start(site, "/login?user=1")
    keep_busy(site, cookie, clock, ABSOLUTE - HOUR)
    cookie = set_cookie(site.visit(path, cookie))["value"]

    clock.shift(HOUR)

    assert data(site, cookie) == {}


def test_without_an_absolute_lifetime_a_busy_session_lives_on(unrotated, clock):
    site = unrotated(absolute_timeout="None")
    cookie = start(site)

    keep_busy(site, cookie, clock, 2 * ABSOLUTE)


# Visitors and people who are kept signed in


def test_visitors_have_an_idle_timeout_of_their_own_until_they_sign_in(unrotated, clock):
    site = unrotated(anonymous_timeout=600)
    response = site.visit("/set?color=red", None)
    cookie = set_cookie(response)["value"]
    assert set_cookie(response)["max-age"] == "600"
    assert ttl_of(site, cookie) == 600

    response = site.visit("/login?user=1", cookie)
    cookie = set_cookie(response)["value"]

    assert set_cookie(response)["max-age"] == str(IDLE)
    assert ttl_of(site, cookie) == IDLE
    clock.shift(IDLE - 1)
    assert data(site, cookie)["color"] == "red"


def test_the_visitors_timeout_slides_too(unrotated, clock):
    site = unrotated(anonymous_timeout=600)
    cookie = start(site)
    for _ in range(3):
        clock.shift(599)
        response = site.visit("/data", cookie)
        assert (response.json, set_cookie(response)["max-age"]) == ({"color": "red"}, "600")

    clock.shift(601)
    assert is_deletion(site.visit("/data", cookie))
    assert [reason for _, reason, _ in ended(site)] == ["idle"]


def test_a_visitor_who_signs_in_without_a_session_has_the_timeout_of_people(unrotated):
    site = unrotated(anonymous_timeout=600)

    response = site.visit("/login?user=1", None)

    assert set_cookie(response)["max-age"] == str(IDLE)
    assert ttl_of(site, set_cookie(response)["value"]) == IDLE


def test_a_visitor_again_after_logout_has_the_timeout_of_visitors(unrotated):
    from shopapp.events import UserLoggedOut

    site = unrotated(anonymous_timeout=600)
    cookie = start(site, "/login?user=1")

    def log_out_and_flash(request):
        request.registry.notify(UserLoggedOut(request, 1))
        request.session.flash("Bye")

    response = site.run(cookie, log_out_and_flash)

    assert set_cookie(response)["max-age"] == "600"
    assert ttl_of(site, set_cookie(response)["value"]) == 600


@pytest.mark.parametrize("visited_before", [False, True])
def test_a_person_who_is_kept_signed_in_has_clocks_of_30_days(unrotated, clock, visited_before):
    site = unrotated()
    cookie = start(site) if visited_before else None
    response = site.visit("/login?user=1&keep=1", cookie)
    cookie = set_cookie(response)["value"]
    assert set_cookie(response)["max-age"] == str(30 * DAY)
    assert ttl_of(site, cookie) == 30 * DAY

    clock.shift(29 * DAY)
    response = site.visit("/data", cookie)

    assert response.json["user"]["id"] == 1
    assert set_cookie(response)["max-age"] == str(30 * DAY)
    assert ttl_of(site, cookie) == DAY
    clock.shift(DAY)
    assert data(site, cookie) == {}
    assert [reason for _, reason, _ in ended(site)] == ["absolute"]


def test_a_kept_session_keeps_its_clocks_through_the_periodic_rotation(site, clock):
    browser = site.browser()
    browser.get("/login?user=1&keep=1")
    clock.shift(DAY)

    response = browser.get("/data")

    assert set_cookie(response)["max-age"] == str(30 * DAY)
    assert ttl_of(site, cookie_of(browser)) == 29 * DAY


def test_the_clocks_of_kept_sessions_are_settings(unrotated, clock):
    site = unrotated(kept_timeout=2 * DAY, kept_absolute_timeout=5 * DAY)
    cookie = start(site, "/login?user=1&keep=1")
    assert ttl_of(site, cookie) == 2 * DAY

    clock.shift(2 * DAY + 1)

    assert is_deletion(site.visit("/data", cookie))
    assert [reason for _, reason, _ in ended(site)] == ["idle"]


def test_a_later_login_without_keep_has_the_usual_clocks_again(unrotated):
    site = unrotated()
    cookie = start(site, "/login?user=1&keep=1")

    response = site.visit("/login?user=1", cookie)

    assert set_cookie(response)["max-age"] == str(IDLE)
    assert ttl_of(site, set_cookie(response)["value"]) == IDLE


# The keys of pyramid_session_redis that are about time


@pytest.mark.parametrize("none", ["None", "0"])
def test_without_a_timeout_nothing_idles_out_and_the_cookie_ends_with_the_browser(unrotated, clock, none):
    site = unrotated(timeout=none, absolute_timeout="None")
    response = site.visit("/set?color=red", None)
    cookie = set_cookie(response)

    clock.shift(300 * DAY)

    assert "max-age" not in cookie
    assert "expires" not in cookie
    assert ttl_of(site, cookie["value"]) == -1
    assert data(site, cookie["value"]) == {"color": "red"}
    site.visit("/set?color=blue", cookie["value"])
    assert data(site, cookie["value"]) == {"color": "blue"}


def test_without_a_timeout_the_absolute_lifetime_still_holds(unrotated, clock):
    site = unrotated(timeout="None")
    cookie = start(site)
    clock.shift(ABSOLUTE - 1)
    assert data(site, cookie) == {"color": "red"}

    clock.shift(1)

    assert data(site, cookie) == {}
    assert [reason for _, reason, _ in ended(site)] == ["absolute"]


@pytest.mark.parametrize(
    ("settings", "path", "lifetime"),
    [({"timeout": "None"}, "/set?a=1", ABSOLUTE), ({"kept_timeout": "None"}, "/login?keep=1", 30 * DAY)],
)
def test_without_a_timeout_redis_lets_a_session_go_at_its_absolute_end(unrotated, settings, path, lifetime):
    site = unrotated(**settings)

    assert ttl_of(site, start(site, path)) == lifetime


def test_without_a_timeout_the_rotation_still_works(make_site, clock):
    site = make_site(timeout="None")
    old = start(site)
    clock.shift(HOUR)

    new = set_cookie(site.visit("/data", old))["value"]

    assert new != old
    assert data(site, new) == data(site, old) == {"color": "red"}


def test_without_a_timeout_people_can_still_be_kept_signed_in(unrotated):
    site = unrotated(timeout="None")

    response = site.visit("/login?keep=1", None)

    assert set_cookie(response)["max-age"] == str(30 * DAY)
    assert ttl_of(site, set_cookie(response)["value"]) == 30 * DAY


def test_a_redis_that_is_not_to_expire_sessions_is_given_no_time_to_live(unrotated, clock):
    site = unrotated(set_redis_ttl="false")
    cookie = start(site)
    assert ttl_of(site, cookie) == -1
    clock.shift(600)
    site.visit("/set?color=blue", cookie)
    assert ttl_of(site, cookie) == -1

    clock.shift(IDLE + 1)

    assert data(site, cookie) == {}
    assert [reason for _, reason, _ in ended(site)] == ["idle"]


def test_without_python_expires_every_use_pushes_the_time_to_live_out_by_expire(unrotated):
    site = unrotated(python_expires="false", timeout_trigger="None")
    site.warm()
    cookie = start(site)
    site.redis.expire(site.key_of(cookie), 100)

    assert site.commands_of(lambda: site.visit("/data", cookie)) == ["GET", "EXPIRE"]
    assert ttl_of(site, cookie) == IDLE
    assert site.commands_of(lambda: site.visit("/set?color=blue", cookie)) == ["GET", "EVALSHA"]
    assert b'"x"' not in site.redis.get(site.key_of(cookie)).partition(b"\n")[2]


def test_without_python_expires_redis_alone_ends_what_idles(unrotated, clock):
    site = unrotated(python_expires="false", timeout_trigger="None")
    cookie = start(site)
    clock.shift(IDLE + 1)

    assert data(site, cookie) == {"color": "red"}
    site.redis.delete(site.key_of(cookie))
    assert data(site, cookie) == {}


def test_without_python_expires_a_kept_session_keeps_its_own_time_to_live(unrotated):
    site = unrotated(python_expires="false", timeout_trigger="None")
    cookie = start(site, "/login?keep=1")
    site.redis.expire(site.key_of(cookie), 100)

    site.visit("/data", cookie)

    assert ttl_of(site, cookie) == 30 * DAY


def test_read_heavy_reads_and_pushes_the_timeout_out_in_one_command(unrotated):
    site = unrotated(set_redis_ttl_readheavy="true", python_expires="false")
    site.warm()
    cookie = start(site)
    site.redis.expire(site.key_of(cookie), 100)

    assert site.commands_of(lambda: site.visit("/data", cookie)) == ["EVALSHA"]
    assert ttl_of(site, cookie) == IDLE
    assert site.commands_of(lambda: site.visit("/set?color=blue", cookie)) == ["EVALSHA", "EVALSHA"]
    assert ttl_of(site, cookie) == IDLE


@pytest.mark.parametrize(
    ("path", "seconds"), [("/login?keep=1", 30 * DAY), ("/set?color=red", 600)], ids=["kept", "visitor"]
)
def test_read_heavy_leaves_a_session_its_own_timeout(unrotated, path, seconds):
    site = unrotated(set_redis_ttl_readheavy="true", python_expires="false", anonymous_timeout=600)
    cookie = start(site, path)
    assert ttl_of(site, cookie) == seconds

    site.visit("/data", cookie)

    assert ttl_of(site, cookie) == seconds


@pytest.mark.parametrize(
    "settings",
    [
        {"python_expires": "false", "timeout_trigger": "None"},
        {"python_expires": "false", "set_redis_ttl_readheavy": "true"},
    ],
    ids=["expire", "read-heavy"],
)
def test_the_cookie_of_a_session_that_is_only_read_slides_along_with_redis(unrotated, clock, settings):
    site = unrotated(**settings)
    browser = site.browser()
    browser.get("/set?color=red")

    for _ in range(3):
        clock.shift(2 * HOUR)
        assert browser.get("/data").json == {"color": "red"}


@pytest.mark.parametrize("none", ["None", "0"])
def test_without_a_trigger_every_request_pushes_the_timeout_out(unrotated, clock, none):
    site = unrotated(timeout_trigger=none)
    cookie = start(site)
    site.redis.expire(site.key_of(cookie), 100)
    clock.shift(1)

    response = site.visit("/data", cookie)

    assert set_cookie(response)["max-age"] == str(IDLE)
    assert ttl_of(site, cookie) == IDLE


def test_a_short_timeout_has_a_trigger_that_fits(unrotated, clock):
    site = unrotated(timeout=20)
    cookie = start(site)

    for _ in range(5):
        clock.shift(15)
        assert data(site, cookie) == {"color": "red"}


@pytest.mark.parametrize("seconds", [1, 2, 3])
def test_the_shortest_timeouts_work(unrotated, clock, seconds):
    site = unrotated(timeout=seconds)
    cookie = start(site)
    for _ in range(3):
        clock.shift(seconds)
        assert data(site, cookie) == {"color": "red"}

    clock.shift(seconds + 1)
    assert data(site, cookie) == {}


def test_a_timeout_that_was_changed_in_the_ini_leaves_sessions_the_one_they_began_with(unrotated, clock):
    cookie = start(unrotated(timeout=600))
    site = unrotated(timeout=IDLE)

    clock.shift(601)

    assert data(site, cookie) == {}


def test_a_time_between_two_seconds_makes_no_session_idle_early(unrotated, clock):
    site = unrotated(timeout=10)
    clock.shift(0.5)
    cookie = start(site)

    clock.shift(10)
    assert data(site, cookie) == {"color": "red"}
    clock.shift(12)
    assert data(site, cookie) == {}


def test_an_app_can_give_a_session_a_timeout_of_its_own(unrotated, clock):
    site = unrotated()
    cookie = start(site)

    site.run(cookie, lambda request: request.session.adjust_session_timeout(DAY))

    assert ttl_of(site, cookie) == ABSOLUTE
