"""A person's sessions go on only as the account's own record allows, whatever Redis has forgotten."""

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationConflictError

from session_app import cookie_of
from session_site import handle_of
from shopapp.events import SessionEnded, SessionIndexLost, UserLoggedIn
from shopapp.sessions import CannotCheckError, end_others, keep_valid, save, session_has_ended, sessions_of
from shopapp.sessions.validity import CHECK_SECONDS, RETRY_SECONDS

LOST = "session:user:1"


class Record:
    """The account's own record of every person: one mark. Notes when it is asked."""

    def __init__(self):
        self.mark, self.asked, self.is_away = "one", 0, False
        self.only_here = False

    def mark_of(self, _request, _user_id):
        self.asked += 1
        if self.is_away:
            raise CannotCheckError(only_here=self.only_here)
        return self.mark


@pytest.fixture
def record(site):
    record = Record()
    config = Configurator(registry=site.registry)
    config.check_sessions_by(record.mark_of)
    config.commit()
    return record


@pytest.fixture
def log_in(site, record):
    """Sign person 1 in, in a browser of its own, by what the record says now or said before."""

    def log_in(mark=None):
        browser = site.browser()
        event = lambda request: UserLoggedIn(request, 1, "", "", mark=record.mark if mark is None else mark)  # noqa: E731
        site.run(browser, lambda request: request.registry.notify(event(request)))
        return browser

    return log_in


def is_in(browser):
    return "user" in browser.get("/data").json


def test_it_is_looked_at_once_a_minute_and_not_for_visitors(site, record, log_in, clock, visitor):
    browser = log_in()
    for _ in range(3 * (CHECK_SECONDS + 1)):
        clock.shift(1)
        assert is_in(browser)
        visitor.get("/data")

    assert record.asked in (3, 4)


def test_within_a_minute_of_another_mark_each_session_with_an_earlier_one_is_over(site, record, log_in, clock):
    thief, owner = log_in(), log_in()
    assert is_in(thief)
    assert is_in(owner)
    site.run(owner, lambda request: (keep_valid(request, "two"), save(request)))
    record.mark = "two"
    site.redis.delete(LOST)
    stolen = handle_of(cookie_of(thief))

    clock.shift(CHECK_SECONDS)

    assert not is_in(thief)
    assert is_in(owner)
    told = [(event.handle, event.reason, event.user_id) for event in site.events(SessionEnded)]
    assert told == [(stolen, "revoked", 1)]
    assert len(site.session_keys()) == 1


def test_a_person_without_a_record_has_no_session(site, record, log_in):
    browser = log_in()
    record.mark = None

    site.run(browser, session_has_ended)

    assert site.returned


def test_a_login_that_was_judged_before_a_change_is_over_however_late_it_is_stored(record, log_in):
    record.mark = "two"

    assert not is_in(log_in(mark="one"))


def test_a_change_that_is_rolled_back_ends_nothing_and_the_next_one_ends_it(site, record, log_in, clock):
    """The session is saved before the database commits: until then, or for ever, the record has the old mark."""
    browser = log_in()
    site.run(browser, lambda request: keep_valid(request, "never committed"))
    clock.shift(CHECK_SECONDS)
    assert is_in(browser)

    record.mark = "two"
    clock.shift(CHECK_SECONDS)
    assert not is_in(browser)


def test_sessions_from_before_there_were_marks_go_on_until_the_first_change(site, record, clock):
    record.mark = ""
    browser = site.browser()
    browser.get("/login?user=1")
    assert is_in(browser)

    record.mark = "two"
    clock.shift(CHECK_SECONDS)
    assert not is_in(browser)


def test_a_record_that_cannot_be_read_is_asked_now_and_then_and_ends_nothing(record, log_in, clock, caplog):
    browsers = [log_in() for _ in range(3)]
    record.is_away, record.mark = True, "two"

    assert all(is_in(browser) for browser in browsers)
    assert record.asked == 1
    clock.shift(RETRY_SECONDS)
    assert all(is_in(browser) for browser in browsers)
    assert record.asked == 2
    assert caplog.text.count("sessions_not_checked") == 2

    record.is_away = False
    clock.shift(RETRY_SECONDS)
    assert not any(is_in(browser) for browser in browsers)


def test_a_process_that_is_busy_asks_again_at_the_next_request_and_says_so_once(record, log_in, clock, caplog):
    browser = log_in()
    record.is_away, record.only_here, record.mark = True, True, "two"

    assert all(is_in(browser) for _ in range(3))
    assert record.asked == 3
    assert caplog.text.count("sessions_not_checked") == 1
    record.is_away = False
    assert not is_in(browser)


def test_a_list_that_is_lost_is_noticed_begins_anew_and_has_all_sessions_checked_at_once(site, record, log_in, caplog):
    told = []
    site.registry.registerHandler(told.append, (SessionIndexLost,))
    other, owner = log_in(), log_in()
    assert is_in(other)
    site.run(owner, lambda request: keep_valid(request, "two"))
    record.mark = "two"
    site.redis.delete(LOST)

    site.run(owner, lambda request: end_others(request, 1))

    assert site.returned == 0
    assert [event.user_id for event in told] == [1]
    assert "session_index_lost user_id=1" in caplog.text
    assert not is_in(other)
    site.run(owner, lambda request: [info.handle for info in sessions_of(request, 1)])
    assert site.returned == [handle_of(cookie_of(owner))]
    assert len(told) == 1


def test_it_is_noticed_at_a_logout_too(site, log_in, caplog):
    browser = log_in()
    site.redis.delete(LOST)

    browser.get("/logout")

    assert "session_index_lost user_id=1" in caplog.text


def test_there_is_one_such_function(site):
    config = Configurator(registry=site.registry)
    config.check_sessions_by(lambda request, user_id: "one")
    config.check_sessions_by(lambda request, user_id: "two")

    with pytest.raises(ConfigurationConflictError):
        config.commit()
