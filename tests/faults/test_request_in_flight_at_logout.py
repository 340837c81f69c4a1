"""A request is on its way while its session ends. Ended must stay ended, in whatever way and at whatever moment."""

import time
from typing import Any

import pytest
import time_machine

from interleaving import cookies_set_by, held, is_logged_in, steps_of, together, twin_of
from session_app import browser, cookie_of

IN_FLIGHT = ("/set?b=2", "/delete?a", "/data", "/flash?text=hello", "/pop-flash", "/rotate", "/password", "/end-others")
PERIODIC_ROTATION_IS_DUE = 1_801


def logged_in(app: Any) -> Any:
    visitor = browser(app)
    visitor.get("/set?a=1")
    visitor.get("/flash?text=welcome")
    visitor.get("/login")
    return visitor


def log_out(app: Any, visitor: Any) -> None:
    twin_of(app, visitor).get("/logout")


def end_from_another_device(app: Any, visitor: Any) -> None:
    other = browser(app)
    other.get("/login")
    other.get("/end-others")


def change_password_on_another_device(app: Any, visitor: Any) -> None:
    other = browser(app)
    other.get("/login")
    other.get("/password")


def end_this_one_from_another_device(app: Any, visitor: Any) -> None:
    other = browser(app)
    other.get("/login")
    here = other.get("/handle").json
    for handle in other.get("/sessions").json:
        if handle != here:
            other.get(f"/end?handle={handle}")


ENDINGS = [log_out, end_from_another_device, change_password_on_another_device, end_this_one_from_another_device]


@pytest.mark.parametrize("path", IN_FLIGHT)
@pytest.mark.parametrize("end", ENDINGS)
def test_a_request_in_flight_does_not_revive_an_ended_session(app: Any, any_redis: Any, path: str, end: Any) -> None:
    def race(step: int) -> bool:
        visitor = logged_in(app)
        cookie = cookie_of(visitor)

        with held(any_redis, step, lambda: twin_of(app, visitor).get(path, expect_errors=True)) as request:
            if request.was_held:
                end(app, visitor)

        response = request.finish()
        if request.was_held:
            assert not is_logged_in(app, cookie)
            assert not any(is_logged_in(app, value) for value in cookies_set_by(response))
            assert step == 1 or not cookies_set_by(response)
        return request.was_held

    assert steps_of(race) >= 1 + (path != "/data")


@pytest.mark.parametrize("path", ["/set?b=2", "/data", "/logout"])
def test_a_rotation_in_flight_does_not_revive_an_ended_session(app: Any, any_redis: Any, path: str) -> None:
    def race(step: int) -> bool:
        visitor = logged_in(app)
        cookie = cookie_of(visitor)

        with time_machine.travel(time.time() + PERIODIC_ROTATION_IS_DUE, tick=True):
            with held(any_redis, step, lambda: twin_of(app, visitor).get(path)) as request:
                log_out(app, visitor)
            response = request.finish()

            assert not is_logged_in(app, cookie)
            assert not any(is_logged_in(app, value) for value in cookies_set_by(response))
        return request.was_held

    assert steps_of(race) >= 2


def test_a_logout_in_flight_ends_a_session_that_was_rotated_meanwhile(app: Any, any_redis: Any) -> None:
    def race(step: int) -> bool:
        visitor = logged_in(app)

        with time_machine.travel(time.time() + PERIODIC_ROTATION_IS_DUE, tick=True):
            with held(any_redis, step, lambda: twin_of(app, visitor).get("/logout")) as request:
                visitor.get("/data")
            request.finish()

            assert not is_logged_in(app, cookie_of(visitor))
        return request.was_held

    assert steps_of(race) >= 2


def test_a_request_in_flight_does_not_outlive_the_time_to_live(app: Any, any_redis: Any) -> None:
    def race(step: int) -> bool:
        visitor = logged_in(app)
        cookie = cookie_of(visitor)

        with held(any_redis, step, lambda: twin_of(app, visitor).get("/set?b=2")) as request:
            any_redis.delete(f"session:{visitor.get('/handle').json}")  # as Redis does when the time has come

        assert not is_logged_in(app, cookie)
        assert step == 1 or not request.was_held or not cookies_set_by(request.finish())
        return request.was_held

    assert steps_of(race) == 2


def test_the_library_alone_does_not_keep_an_ended_session_dead(either_app: Any, shop_redis: Any) -> None:
    visitor = logged_in(either_app)
    cookie = cookie_of(visitor)

    with held(shop_redis, 2, lambda: twin_of(either_app, visitor).get("/set?b=2")):
        log_out(either_app, visitor)

    assert not is_logged_in(either_app, cookie)


def test_the_library_alone_does_not_keep_an_expired_session_dead(either_app: Any, shop_redis: Any) -> None:
    visitor = logged_in(either_app)
    cookie = cookie_of(visitor)

    with held(shop_redis, 2, lambda: twin_of(either_app, visitor).get("/set?b=2")):
        shop_redis.flushdb()  # as when the time to live of the session is over

    assert not is_logged_in(either_app, cookie)


def revived_by_1000_raced_logouts(app: Any) -> int:
    revived = 0
    for _ in range(250):
        visitor = browser(app)
        visitor.get("/login")
        paths = ["/set?b=2", "/logout", "/flash?text=hello", "/logout", "/set?c=3", "/logout", "/data", "/logout"]
        together(len(paths), lambda number, v=visitor, p=paths: twin_of(app, v).get(p[number]))
        revived += is_logged_in(app, cookie_of(visitor))
    return revived


def test_none_of_1000_raced_logouts_leaves_a_usable_session(app: Any) -> None:
    assert revived_by_1000_raced_logouts(app) == 0


def test_the_library_alone_revives_some_of_1000(either_app: Any) -> None:
    assert revived_by_1000_raced_logouts(either_app) == 0
