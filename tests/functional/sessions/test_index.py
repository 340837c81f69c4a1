"""The sessions of a person: listed, limited, ended."""

import pytest

from session_app import cookie_of
from session_site import DAY, HOUR, handle_of
from shopapp.events import SessionEnded
from shopapp.sessions import end_others, end_session, sessions_of


@pytest.fixture
def log_in(site, clock):
    """A function that signs a person in, in a browser of its own, a second after the last one."""
    return lambda user=1, at=None: logged_in(at or site, clock, user)


def logged_in(site, clock, user):
    """Sign in and return the browser."""
    clock.shift(1)
    browser = site.browser()
    browser.get(f"/login?user={user}", headers={"User-Agent": f"Browser of {user}"})
    return browser


def handle(browser):
    """The handle of a browser's session."""
    return handle_of(cookie_of(browser))


def is_in(browser):
    """Whether somebody is signed in here."""
    return "user" in browser.get("/data").json


def ended(site):
    """What was told of ended sessions, by handle."""
    return {event.handle: event.reason for event in site.events(SessionEnded)}


def listed(site, visitor, user=1):
    """The sessions of a person."""
    site.run(visitor, lambda request: sessions_of(request, user))
    return site.returned


# The list


def test_the_sessions_of_a_person_are_listed_the_one_used_last_first(site, log_in, clock):
    first, second, third = log_in(), log_in(), log_in()
    log_in(user=2)
    clock.shift(HOUR / 4)
    second.get("/data")

    sessions = listed(site, second)

    assert [info.handle for info in sessions] == [handle(second), handle(third), handle(first)]
    assert [info.agent for info in sessions] == ["Browser of 1"] * 3
    assert [info.address for info in sessions] == ["192.0.2.1"] * 3
    assert (sessions[0].last_used_at - sessions[0].created_at).total_seconds() == HOUR / 4 + 2
    assert sessions[0].created_at.utcoffset().total_seconds() == 0


def test_nobody_has_no_sessions(site):
    assert listed(site, None, user=42) == []


def test_a_visitors_session_is_in_no_list(site):
    site.browser().get("/set?color=red")

    assert len(site.redis_keys()) == 1


def test_a_session_stays_one_line_through_rotation_and_another_login(site, log_in, clock):
    browser = log_in()
    for path in ("/rotate", "/password", "/login?user=1"):
        clock.shift(HOUR)
        browser.get(path)

    assert [info.handle for info in listed(site, browser)] == [handle(browser)]


def test_a_long_user_agent_is_cut(site):
    browser = site.browser()
    browser.get("/login", headers={"User-Agent": "M" * 5000})

    assert listed(site, browser)[0].agent == "M" * 300


@pytest.mark.parametrize("how", ["logout", "invalidate", "expiry in redis", "rubbish", "idle"])
def test_a_session_that_is_over_is_not_listed_and_its_entry_heals(site, log_in, clock, how):
    gone, here = log_in(), log_in()
    key = site.key_of(cookie_of(gone))
    if how in ("logout", "invalidate"):
        gone.get(f"/{how}")
    elif how == "expiry in redis":
        site.redis.delete(key)
    elif how == "rubbish":
        site.redis.set(key, "rubbish")
    elif how == "idle":
        old = [cookie_of(browser) for browser in (gone, here)]
        clock.shift(4 * HOUR)
        for cookie in old:
            site.visit("/data", cookie)
        here.get("/login?user=1")

    assert [info.handle for info in listed(site, here)] == [handle(here)]
    assert site.redis.zrange("session:user:1", 0, -1) == [handle(here).encode()]


@pytest.mark.parametrize("clock_that_ran_out", ["absolute", "idle"])
def test_a_session_that_is_over_by_its_clocks_is_not_listed_though_redis_holds_it(
    make_site, log_in, clock, clock_that_ran_out
):
    site = make_site(set_redis_ttl="false", rotation_interval="None")
    log_in(at=site)
    clock.shift(12 * HOUR if clock_that_ran_out == "absolute" else 4 * HOUR)
    here = log_in(at=site)

    assert [info.handle for info in listed(site, here)] == [handle(here)]


@pytest.mark.parametrize(
    "settings", [{"timeout_trigger": "None"}, {"set_redis_ttl_readheavy": "true"}], ids=["expire", "read-heavy"]
)
def test_a_session_whose_idle_clock_redis_keeps_is_listed_as_long_as_it_is_in_use(make_site, clock, settings):
    site = make_site(python_expires="false", rotation_interval="None", **settings)
    cookie = cookie_of(logged_in(site, clock, 1))
    for _ in range(3):
        clock.shift(2 * HOUR)
        assert "user" in site.visit("/data", cookie).json

    assert [info.handle for info in listed(site, cookie)] == [handle_of(cookie)]


def test_a_user_id_may_be_asked_for_as_text(site, log_in):
    browser = log_in(user=1)

    assert len(listed(site, browser, user="1")) == 1
    assert len(listed(site, browser, user=1)) == 1


def test_ids_of_people_may_be_text(site):
    from shopapp.events import UserLoggedIn

    def log_in(request):
        request.registry.notify(UserLoggedIn(request, "a:b/ü", "b@example.com", "B"))

    browser = site.browser()
    site.run(browser, log_in)

    assert [info.handle for info in listed(site, browser, user="a:b/ü")] == [handle(browser)]


def test_the_index_lives_as_long_as_the_longest_session(site, log_in):
    log_in()

    assert site.redis.ttl("session:user:1") == 30 * DAY


def test_the_index_of_endless_sessions_is_endless(make_site, log_in):
    site = make_site(kept_absolute_timeout="None")
    log_in(at=site)

    assert site.redis.ttl("session:user:1") == -1


def test_the_index_has_no_entries_that_nobody_will_ever_remove(site, log_in, clock):
    browsers = [log_in() for _ in range(100)]
    for browser in browsers:
        site.redis.delete(site.key_of(cookie_of(browser)))

    for _ in range(5):
        log_in()

    assert site.redis.zcard("session:user:1") <= 50


# Ending one


def test_a_person_can_end_another_of_their_sessions(site, log_in):
    lost, here = log_in(), log_in()
    old = cookie_of(lost)

    assert here.get(f"/end?handle={handle(lost)}").json is True

    assert ended(site) == {handle_of(old): "revoked"}
    assert lost.get("/data").json == {}
    assert site.visit("/data", old).json == {}
    assert is_in(here)
    assert len(listed(site, here)) == 1


def test_a_person_can_end_this_very_session(site, log_in):
    here, other = log_in(), log_in()

    here.get(f"/end?handle={handle(here)}")

    assert not is_in(here)
    assert is_in(other)


def test_nobody_can_end_another_persons_session(site, log_in):
    victim, attacker = log_in(user=1), log_in(user=2)

    assert attacker.get(f"/end?handle={handle(victim)}").json is False

    assert is_in(victim)
    assert site.events(SessionEnded) == []


@pytest.mark.parametrize("handle", ["", "x", "user:1", "*", "0" * 32])
def test_a_handle_that_is_none_ends_nothing(site, log_in, handle):
    here = log_in()

    assert here.get("/end", {"handle": handle}).json is False
    assert is_in(here)


def test_a_session_is_ended_once(site, log_in):
    lost, here = log_in(), log_in()
    target = handle(lost)

    answers = [here.get(f"/end?handle={target}").json for _ in range(2)]

    assert answers == [True, False]
    assert len(site.events(SessionEnded)) == 1


def test_ending_a_session_that_is_over_already_is_told_as_none(site, log_in):
    gone, here = log_in(), log_in()
    site.redis.delete(site.key_of(cookie_of(gone)))

    site.run(here, lambda request: end_session(request, 1, handle(gone)))

    assert site.returned is False
    assert site.events(SessionEnded) == []


def test_an_entry_that_is_anothers_by_now_ends_nothing_of_theirs(site, log_in):
    shared = log_in(user=1)
    site.run(shared, lambda request: request.session.clear())
    shared.get("/login?user=2")
    owner = log_in(user=1)

    owner.get(f"/end?handle={handle(shared)}")
    owner.get("/end-others")

    assert is_in(shared)


# Ending all others


def test_a_person_can_end_all_their_other_sessions(site, log_in):
    others, here, stranger = [log_in(), log_in()], log_in(), log_in(user=2)
    handles = {handle(browser) for browser in others}

    assert here.get("/end-others").json == 2

    assert ended(site) == dict.fromkeys(handles, "revoked")
    assert [is_in(browser) for browser in (*others, here, stranger)] == [False, False, True, True]


def test_sessions_that_are_over_already_are_not_counted_among_those_ended(site, log_in):
    gone, here = log_in(), log_in()
    site.redis.delete(site.key_of(cookie_of(gone)))

    site.run(here, lambda request: end_others(request, 1))

    assert site.returned == 0
    assert site.events(SessionEnded) == []


def test_a_password_change_ends_all_other_sessions_and_the_old_cookie(site, log_in):
    thief, here = log_in(), log_in()
    old = cookie_of(here)

    here.get("/password")

    assert not is_in(thief)
    assert is_in(here)
    assert site.visit("/data", old).json == {}
    assert [info.handle for info in listed(site, here)] == [handle(here)]


# The limit


def test_the_oldest_login_beyond_the_limit_ends(make_site, log_in, clock):
    site = make_site(max_sessions=2)
    first, second = log_in(at=site), log_in(at=site)
    first.get("/data")

    third = log_in(at=site)

    assert [is_in(browser) for browser in (first, second, third)] == [False, True, True]
    assert list(ended(site).values()) == ["limit"]


def test_of_one_session_the_last_login_wins(make_site, log_in):
    site = make_site(max_sessions=1)
    browsers = [log_in(at=site) for _ in range(3)]

    assert [is_in(browser) for browser in browsers] == [False, False, True]
    assert len(site.events(SessionEnded)) == 2


def test_the_limit_is_each_persons_own(make_site, log_in):
    site = make_site(max_sessions=1)
    first, second = log_in(at=site, user=1), log_in(at=site, user=2)

    assert is_in(first)
    assert is_in(second)


def test_logging_in_once_more_in_the_same_browser_takes_no_second_place(make_site, log_in):
    site = make_site(max_sessions=2)
    first, second = log_in(at=site), log_in(at=site)

    second.get("/login?user=1")

    assert is_in(first)
    assert is_in(second)
    assert site.events(SessionEnded) == []


def test_stale_entries_do_not_count_against_the_limit(make_site, log_in):
    site = make_site(max_sessions=2)
    first, second = log_in(at=site), log_in(at=site)
    site.redis.delete(site.key_of(cookie_of(second)))

    third = log_in(at=site)

    assert is_in(first)
    assert is_in(third)
    assert site.events(SessionEnded) == []
    assert site.redis.zcard("session:user:1") == 2


def test_without_a_limit_there_is_none(site, log_in):
    browsers = [log_in() for _ in range(20)]

    assert all(is_in(browser) for browser in browsers)


def test_an_index_of_another_type_than_ours_hinders_no_login(site):
    site.redis.set("session:user:1", "rubbish")

    browser = site.browser()
    assert browser.get("/login?user=1", expect_errors=True).status_int == 200
