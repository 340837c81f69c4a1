"""Login is a race too: in two tabs, by double click, against logout, on several devices."""

from typing import Any

import pytest

from interleaving import cookies_set_by, held, is_logged_in, steps_of, together, twin_of
from session_app import browser, cookie_of, make_app

BEFORE = {
    "visitor": "/set?a=1",
    "nobody": "/plain",
    "the same person": "/login?user=1",
    "another person": "/login?user=2",
}


def person_of(app: Any, cookie: str) -> int | None:
    visitor = browser(app)
    visitor.set_cookie("session", cookie)
    return visitor.get("/data").json.get("user", {}).get("id")


def browser_before(app: Any, before: str) -> Any:
    visitor = browser(app)
    visitor.get(BEFORE[before])
    return visitor


def tab(app: Any, visitor: Any) -> Any:
    return twin_of(app, visitor) if cookie_of(visitor) else browser(app)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("other_person", [1, 3])
def test_of_two_logins_whichever_answer_comes_last_leaves_the_right_person(
    app: Any, any_redis: Any, before: str, other_person: int
) -> None:
    def race(step: int) -> bool:
        visitor = browser_before(app, before)
        old = cookie_of(visitor)

        with held(any_redis, step, lambda: tab(app, visitor).get("/login?user=1")) as slow:
            quick = tab(app, visitor).get(f"/login?user={other_person}")

        (slow_cookie,), (quick_cookie,) = cookies_set_by(slow.finish()), cookies_set_by(quick)
        assert person_of(app, slow_cookie) == 1
        # Where nobody rotated it away the session is shared, and belongs to whoever logged in last.
        assert person_of(app, quick_cookie) in (other_person, None)
        assert person_of(app, quick_cookie) == other_person or not slow.was_held
        assert not old or person_of(app, old) is None
        return slow.was_held

    assert steps_of(race) >= 2


@pytest.mark.parametrize("before", ["visitor", "the same person", "another person"])
def test_a_login_outlives_a_logout_at_the_same_time(app: Any, any_redis: Any, before: str) -> None:
    def race_of_a_slow_login(step: int) -> bool:
        visitor = browser_before(app, before)
        with held(any_redis, step, lambda: tab(app, visitor).get("/login?user=1")) as login:
            tab(app, visitor).get("/logout")
        (cookie,) = cookies_set_by(login.finish())
        assert person_of(app, cookie) == 1
        return login.was_held

    def race_of_a_slow_logout(step: int) -> bool:
        visitor = browser_before(app, before)
        with held(any_redis, step, lambda: tab(app, visitor).get("/logout")) as logout:
            login = visitor.get("/login?user=1")
        (cookie,) = cookies_set_by(login)
        assert person_of(app, cookie) == 1
        # From its third command on it has ended the session before the login began: deleting its cookie is its job.
        if logout.was_held and step <= 2:
            assert logout.finish().headers.getall("Set-Cookie") == []
        return logout.was_held

    assert steps_of(race_of_a_slow_login) >= 2
    assert steps_of(race_of_a_slow_logout) >= 1


def test_a_double_click_on_login_leaves_valid_cookies(app: Any) -> None:
    for _ in range(50):
        visitor = browser_before(app, "visitor")
        answers = together(2, lambda _number, v=visitor: tab(app, v).get("/login?user=1"))

        assert [person_of(app, cookies_set_by(answer)[0]) for answer in answers] == [1, 1]


def test_a_write_by_the_visitor_does_not_reach_into_the_login(app: Any, any_redis: Any) -> None:
    visitor = browser_before(app, "visitor")

    with held(any_redis, 2, lambda: tab(app, visitor).get("/set?planted=1")) as request:
        visitor.get("/login?user=1")

    assert "planted" not in visitor.get("/data").json
    assert request.finish().headers.getall("Set-Cookie") == []


def test_a_write_in_flight_does_not_revive_the_id_from_before_the_login(either_app: Any, shop_redis: Any) -> None:
    visitor = browser(either_app)
    visitor.get("/set?a=1")
    planted = cookie_of(visitor)

    with held(shop_redis, 2, lambda: twin_of(either_app, visitor).get("/set?b=2")):
        visitor.get("/login?user=1")

    attacker = browser(either_app)
    attacker.set_cookie("session", planted)
    assert attacker.get("/data").json == {}


@pytest.mark.parametrize("limit", [1, 3])
def test_the_limit_of_sessions_is_exact_under_simultaneous_logins(any_redis: Any, limit: int) -> None:
    app = make_app(any_redis, max_sessions=str(limit))

    for person in range(1, 21):
        answers = together(6, lambda _number, p=person: browser(app).get(f"/login?user={p}"))
        cookies = [cookies_set_by(answer)[0] for answer in answers if cookies_set_by(answer)]

        assert sum(is_logged_in(app, cookie) for cookie in cookies) == limit


def test_a_login_during_end_others_is_seen_or_came_later(app: Any, any_redis: Any) -> None:
    keeper = browser_before(app, "the same person")

    def race(step: int) -> bool:
        with held(any_redis, step, lambda: keeper.get("/end-others")) as ending:
            newcomer = browser(app)
            newcomer.get("/login?user=1")
        ending.finish()
        listed = set(keeper.get("/sessions").json)
        assert keeper.get("/handle").json in listed
        assert is_logged_in(app, cookie_of(newcomer)) == (len(listed) == 2)
        keeper.get("/end-others")
        return ending.was_held

    assert steps_of(race) >= 2
