"""``request.session`` keeps the contract of Pyramid's ISession, and is the dict that apps expect."""

import pytest
from pyramid.interfaces import ISession
from pyramid_session_redis.util import LazyCreateSession
from zope.interface.verify import verifyObject

from session_app import cookie_of
from session_site import handle_of, id_of, set_cookie
from shopapp.events import UserLoggedIn
from shopapp.sessions import save, session_name, session_was_used
from shopapp.sessions.ids import SessionId


@pytest.fixture
def visitor(site):
    """A browser with a session."""
    browser = site.browser()
    browser.get("/set?color=red&size=9")
    return browser


@pytest.fixture
def do(site, visitor):
    """A function that does something with the session in a request of the visitor, and returns what came of it."""

    def act(action):
        site.run(visitor, lambda request: action(request.session))
        return site.returned

    return act


def test_it_is_a_session_to_pyramid(do):
    assert do(lambda session: verifyObject(ISession, session, tentative=True))


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda session: session["color"], "red"),
        (lambda session: session.get("color"), "red"),
        (lambda session: session.get("none"), None),
        (lambda session: session.get("none", 1), 1),
        (lambda session: "color" in session, True),
        (lambda session: "none" in session, False),
        (lambda session: sorted(session), ["color", "size"]),
        (lambda session: sorted(session.keys()), ["color", "size"]),
        (lambda session: sorted(session.values()), ["9", "red"]),
        (lambda session: sorted(session.items()), [("color", "red"), ("size", "9")]),
    ],
)
def test_it_is_read_as_a_dict(do, read, expected):
    assert do(read) == expected


def test_a_key_that_is_not_there_is_an_error(do):
    with pytest.raises(KeyError):
        do(lambda session: session["none"])
    with pytest.raises(KeyError):
        do(lambda session: session.__delitem__("none"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda session: session.__setitem__("color", "blue"), {"color": "blue", "size": "9"}),
        (lambda session: session.__delitem__("color"), {"size": "9"}),
        (lambda session: session.update({"a": 1}), {"color": "red", "size": "9", "a": 1}),
        (lambda session: session.pop("color"), {"size": "9"}),
        (lambda session: session.setdefault("a", 1), {"color": "red", "size": "9", "a": 1}),
        (lambda session: session.setdefault("color", 1), {"color": "red", "size": "9"}),
        (lambda session: session.clear(), {}),
    ],
)
def test_it_is_changed_as_a_dict_and_the_next_request_sees_it(do, visitor, change, expected):
    do(change)

    assert visitor.get("/data").json == expected


def test_popitem_takes_one_item(do, visitor):
    key, value = do(lambda session: session.popitem())

    assert {**visitor.get("/data").json, key: value} == {"color": "red", "size": "9"}
    assert len(visitor.get("/data").json) == 1


def test_the_browser_keeps_its_session_when_it_is_cleared(do, visitor):
    before = cookie_of(visitor)
    do(lambda session: session.clear())

    visitor.get("/set?color=blue")

    assert cookie_of(visitor) == before
    assert visitor.get("/data").json == {"color": "blue"}


def test_new_is_true_in_the_request_that_begins_it_and_false_later(site, do):
    site.run(None, lambda request: request.session.new)
    assert site.returned is True

    assert do(lambda session: session.new) is False


def test_created_is_when_it_began_whatever_comes_later(site, visitor, do, clock):
    began = do(lambda session: session.created)
    clock.shift(3000)
    visitor.get("/login")

    assert do(lambda session: session.created) == began == 1_800_000_000


def test_changed_saves_what_nothing_else_can_see(make_site):
    site = make_site(detect_changes="false")
    visitor = site.browser()
    site.run(visitor, lambda request: request.session.update({"list": []}))

    def append(request):
        request.session["list"].append(1)
        request.session.changed()

    site.run(visitor, append)

    assert visitor.get("/data").json == {"list": [1]}


# Flash messages


def test_flash_queues_are_kept_apart_and_in_order(do):
    do(lambda session: [session.flash("a"), session.flash("b", "error"), session.flash("c")])

    assert do(lambda session: session.peek_flash()) == ["a", "c"]
    assert do(lambda session: session.pop_flash("error")) == ["b"]
    assert do(lambda session: session.pop_flash("error")) == []
    assert do(lambda session: session.pop_flash()) == ["a", "c"]
    assert do(lambda session: session.peek_flash()) == []


def test_peeking_takes_nothing(do):
    do(lambda session: session.flash("a"))

    assert [do(lambda session: session.peek_flash()) for _ in range(2)] == [["a"], ["a"]]


def test_a_message_is_flashed_twice_unless_told_otherwise(do):
    do(lambda session: [session.flash("a"), session.flash("a"), session.flash("a", allow_duplicate=False)])

    assert do(lambda session: session.pop_flash()) == ["a", "a"]


def test_a_message_that_is_flashed_and_popped_in_one_request_starts_no_session(site):
    def flash_and_pop(request):
        request.session.flash("a")
        return request.session.pop_flash()

    response = site.run(None, flash_and_pop)

    assert site.returned == ["a"]
    assert set_cookie(response) is None
    assert site.redis_keys() == []


# CSRF token


def test_the_csrf_token_stays_until_a_new_one_is_asked_for(do):
    first = do(lambda session: session.get_csrf_token())

    assert len(first) >= 32
    assert do(lambda session: session.get_csrf_token()) == first
    second = do(lambda session: session.new_csrf_token())
    assert second != first
    assert do(lambda session: session.get_csrf_token()) == second


def test_the_csrf_token_is_another_after_login(do, visitor):
    before = do(lambda session: session.get_csrf_token())
    visitor.get("/login")

    assert do(lambda session: session.get_csrf_token()) != before


# invalidate


def test_invalidate_ends_the_session_and_leaves_an_empty_one_that_can_be_used(site, visitor, do):
    old = cookie_of(visitor)

    def start_over(session):
        session.invalidate()
        left, is_new = dict(session), session.new
        session["color"] = "blue"
        return left, is_new

    assert do(start_over) == ({}, True)

    assert visitor.get("/data").json == {"color": "blue"}
    assert handle_of(cookie_of(visitor)) != handle_of(old)
    assert site.visit("/data", old).json == {}
    assert len(site.session_keys()) == 1


def test_invalidating_a_new_session_leaves_nothing(site):
    def act(request):
        request.session["color"] = "red"
        request.session.invalidate()

    assert set_cookie(site.run(None, act)) is None
    assert site.redis_keys() == []


def test_invalidating_after_an_early_save_leaves_nothing(site):
    def act(request):
        request.session["color"] = "red"
        save(request)
        request.session.invalidate()

    site.run(None, act)

    assert site.redis_keys() == []


def test_invalidating_twice_is_no_error(site, do):
    do(lambda session: [session.invalidate(), session.invalidate()])

    assert site.redis_keys() == []


# Beyond ISession


def test_the_name_of_a_session_is_known_before_it_is_stored_and_stays(site, clock):
    def begin(request):
        request.session["color"] = "red"
        return session_name(request)

    visitor = site.browser()
    site.run(visitor, begin)
    name = site.returned
    for path in ("/data", "/login", "/rotate"):
        clock.shift(3000)
        visitor.get(path)
        site.run(visitor, session_name)
        assert site.returned == name == handle_of(cookie_of(visitor))


def test_the_name_of_a_session_begun_in_place_of_another_is_another(site, visitor, do):
    before = handle_of(cookie_of(visitor))

    def start_over(request):
        request.session.invalidate()
        request.session["color"] = "blue"
        return session_name(request)

    site.run(visitor, start_over)

    assert site.returned == handle_of(cookie_of(visitor)) != before


@pytest.mark.parametrize(
    ("action", "used"),
    [
        (lambda session: None, False),
        (lambda session: session.get("color"), False),
        (lambda session: session.update({"color": "red"}), True),
    ],
)
def test_a_looker_uses_no_session(site, action, used):
    def look(request):
        action(request.session)
        return session_was_used(request)

    site.run(None, look)

    assert site.returned is used


def test_a_page_that_does_not_look_uses_no_session(site, visitor):
    site.run(visitor, session_was_used)
    assert site.returned is False

    site.run(visitor, lambda request: (request.session, session_was_used(request))[1])
    assert site.returned is True


# What pyramid_session_redis adds


def test_the_id_is_the_one_in_the_cookie(site, visitor, do):
    assert do(lambda session: session.session_id) == str(id_of(cookie_of(visitor)))
    assert do(lambda session: session.ensure_id()) == str(id_of(cookie_of(visitor)))


def test_an_id_that_is_asked_for_before_there_is_one_is_the_one_in_the_cookie(site):
    def begin(request):
        session = request.session
        before = session.session_id
        wanted = session.ensure_id()
        session["color"] = "red"
        return before, wanted, session.session_id

    visitor = site.browser()
    site.run(visitor, begin)

    before, wanted, after = site.returned
    assert before is LazyCreateSession
    assert wanted == after == str(id_of(cookie_of(visitor)))


def test_to_ask_for_an_id_starts_no_session(site):
    response = site.run(None, lambda request: request.session.ensure_id())

    assert set_cookie(response) is None
    assert site.redis_keys() == []


def test_the_id_that_is_asked_for_after_a_session_ended_is_another(site, visitor, do):
    def start_over(session):
        before = session.ensure_id()
        session.invalidate()
        return before, session.session_id, session.ensure_id()

    before, none, after = do(start_over)

    assert none is LazyCreateSession
    assert SessionId.parse(after).handle != SessionId.parse(before).handle


def test_the_id_is_asked_for_safely_only_of_a_session_that_holds_something(site, do):
    site.run(None, lambda request: request.session.session_id_safecheck)
    assert site.returned is None

    assert do(lambda session: session.session_id_safecheck == session.session_id)


def test_the_id_of_before_a_login_is_not_the_one_after(site):
    def act(request):
        before = request.session.ensure_id()
        request.registry.notify(UserLoggedIn(request, 1, "1@example.com", "Person 1", False))
        save(request)
        return before, request.session.session_id

    visitor = site.browser()
    visitor.get("/set?color=red")
    site.run(visitor, act)

    before, after = site.returned
    assert before != after == str(id_of(cookie_of(visitor)))


@pytest.mark.parametrize("name", ["from_redis", "do_persist", "do_refresh", "serialize", "_session_state"])
def test_what_is_not_offered_says_so(do, name):
    assert do(lambda session: hasattr(session, name)) is False
    with pytest.raises(AttributeError, match=rf"the sessions of shopapp\.sessions have no {name}: "):
        do(lambda session: getattr(session, name))
