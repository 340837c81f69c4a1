"""A browser that sends many requests at the very moment in which something about its session changes."""

import time
from typing import Any

import pytest
import time_machine
from pyramid.request import Request

from interleaving import cookies_set_by, held, is_logged_in, steps_of, together, twin_of
from session_app import browser, cookie_of, make_app
from shopapp.events import UserLoggedIn

ROTATION_IS_DUE = 1_801


def logged_in(app: Any) -> Any:
    visitor = browser(app)
    visitor.get("/login")
    return visitor


def test_twenty_requests_at_the_moment_of_a_rotation_get_one_cookie_and_none_is_refused(app: Any) -> None:
    for _ in range(5):
        visitor = logged_in(app)
        with time_machine.travel(time.time() + ROTATION_IS_DUE, tick=True):
            answers = together(20, lambda _number, v=visitor: twin_of(app, v).get("/data"))
            cookies = {cookie for answer in answers for cookie in cookies_set_by(answer)}

            assert all("user" in answer.json for answer in answers)
            assert len(cookies) == 1
            # Now ten of them show it at once, and ten others are late with the old one.
            new = cookies.pop()
            tabs = [twin_of(app, visitor) for _ in range(20)]
            for tab in tabs[::2]:
                tab.set_cookie("session", new)
            answers = together(20, lambda number, t=tabs: t[number].get(f"/set?k{number}=1"))
            assert all("user" in answer.json for answer in answers)
            assert {cookie for answer in answers for cookie in cookies_set_by(answer)} <= {new}
            assert len(twin_of(app, tabs[0]).get("/data").json) == 21


@pytest.mark.parametrize("path", ["/data", "/set?slow=1", "/logout", "/password", "/rotate"])
def test_a_request_with_the_old_id_is_held_anywhere_while_the_new_one_is_shown(
    app: Any, any_redis: Any, path: str
) -> None:
    def race(step: int) -> bool:
        visitor = logged_in(app)
        with time_machine.travel(time.time() + ROTATION_IS_DUE, tick=True):
            slow = twin_of(app, visitor)
            visitor.get("/data")
            with held(any_redis, step, lambda: slow.get(path)) as request:
                visitor.get("/data")
            response = request.finish()

            mine = (*cookies_set_by(response)[-1:], cookie_of(visitor))[0]
            assert is_logged_in(app, mine) is (path != "/logout")
            if path == "/set?slow=1":
                assert visitor.get("/data").json["slow"] == "1"
        return request.was_held

    assert steps_of(race) >= 1


def with_cookie(app: Any, cookie: str) -> Any:
    """A browser that has this cookie."""
    visitor = browser(app)
    visitor.set_cookie("session", cookie)
    return visitor


def send_form(request: Request) -> dict[str, Any]:
    """Sign in by the form that the request names."""
    request.registry.notify(UserLoggedIn(request, 1, "1@example.com", "One", form=request.GET["form"]))
    return dict(request.session)


@pytest.fixture
def app_with_form(any_redis: Any) -> Any:
    """The app, and a sign-in form."""
    return make_app(any_redis, views={"form": send_form})


@pytest.mark.parametrize("before", ["/plain", "/set?a=1", "/login?user=1", "/login?user=2"])
def test_a_form_that_is_sent_three_times_at_once_is_one_session(app_with_form: Any, before: str) -> None:
    app = app_with_form
    for count in range(30):
        visitor = browser(app)
        visitor.get(before)

        def send(_number: int, v: Any = visitor, count: int = count) -> Any:
            tab = twin_of(app, v) if cookie_of(v) else browser(app)
            return tab.get(f"/form?form={before.strip('/')}{count}")

        answers = together(3, send)

        cookies = [cookies_set_by(answer)[0] for answer in answers]
        assert all(is_logged_in(app, cookie) for cookie in cookies)
        assert all("a" in answer.json for answer in answers) or before != "/set?a=1"
        with_cookie(app, cookies[0]).get("/end-others")
        assert all(is_logged_in(app, cookie) for cookie in cookies)  # it is the same session


def test_a_form_sent_again_at_any_moment_of_the_first_is_one_session(app_with_form: Any, any_redis: Any) -> None:
    def race(step: int) -> bool:
        visitor = browser(app_with_form)
        visitor.get("/set?a=1")
        with held(any_redis, step, lambda: twin_of(app_with_form, visitor).get("/form?form=x")) as slow:
            quick = twin_of(app_with_form, visitor).get("/form?form=x")
        cookies = [*cookies_set_by(slow.finish()), *cookies_set_by(quick)]
        assert [is_logged_in(app_with_form, cookie) for cookie in cookies] == [True, True]
        last = with_cookie(app_with_form, cookies[0])
        assert len(last.get("/sessions").json) == 1
        last.get("/logout")
        return slow.was_held

    assert steps_of(race) >= 2


def test_a_logout_that_meets_a_password_change_is_a_logout(app: Any, any_redis: Any) -> None:
    def race(step: int) -> bool:
        visitor = logged_in(app)
        with held(any_redis, step, lambda: twin_of(app, visitor).get("/logout")) as request:
            visitor.get("/password")
        response = request.finish()

        changed = cookie_of(visitor)
        # Held before its first command, it came with a cookie that opens nothing, and is no logout of anybody.
        assert not is_logged_in(app, changed) or step == 1
        assert step != 1 or response.json is None
        return request.was_held

    assert steps_of(race) >= 2


@pytest.mark.parametrize("order", ["page last", "login last"])
def test_a_page_with_a_dead_cookie_leaves_that_of_a_login_on_its_way_alone(
    app: Any, any_redis: Any, order: str
) -> None:
    visitor = logged_in(app)
    any_redis.flushall()
    page, login = twin_of(app, visitor), twin_of(app, visitor)

    with held(any_redis, 1, lambda: page.get("/data")) as slow:
        answers = [login.get("/login")]
    answers.insert(order == "page last", slow.finish())

    set_cookies = [header for answer in answers for header in answer.headers.getall("Set-Cookie")]
    assert len(set_cookies) == 1
    assert is_logged_in(app, *cookies_set_by(answers[order == "login last"]))
