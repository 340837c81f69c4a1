"""The header's transitions and its two clocks, and when the policy finds something due."""

from dataclasses import replace

import pytest

from shopapp.sessions.header import Change, Header, Person, Start
from shopapp.sessions.ids import SessionId
from shopapp.sessions.policy import Policy
from shopapp.sessions.settings import SessionSettings

ID = SessionId("series", 0, "secret")
VISIT, LOGIN = Start(None, 300, 600), Start(Person(7), 1000, 5000)
HEADER = Header.first("salt", ID, VISIT, 1000).changed(Change(push=True), 1000, knows_expiry=True)
POLICY = Policy.of(SessionSettings(secrets=("a secret",), timeout=1200, timeout_trigger=300))


def changed(change: Change, now: int = 1100, *, knows_expiry: bool = True) -> Header:
    return HEADER.changed(change, now, knows_expiry=knows_expiry)


def test_a_first_header_starts_both_clocks() -> None:
    times = (HEADER.issued, HEADER.created, HEADER.started, HEADER.used, HEADER.expires, HEADER.ends)

    assert times == (1000, 1000, 1000, 1000, 1300, 1600)


def test_zero_is_for_ever() -> None:
    header = Header.first("salt", ID, Start(None, 0, 0), 1000).changed(Change(push=True), 1000, knows_expiry=True)

    assert (header.expires, header.ends, header.seconds_left(10**9), header.is_over(10**9)) == (0, 0, None, False)


def test_a_write_notes_its_time_and_leaves_the_clocks() -> None:
    header = changed(Change())

    assert (header.used, header.expires, header.ends) == (1100, 1300, 1600)


def test_a_push_begins_the_idle_timeout_anew_and_no_other_clock() -> None:
    header = changed(Change(push=True))

    assert (header.expires, header.ends, header.started) == (1400, 1600, 1000)


def test_a_login_begins_both_clocks_anew_but_the_session_was_created_when_it_was() -> None:
    header = changed(Change(start=LOGIN, cut="login"))

    assert (header.created, header.started, header.expires, header.ends) == (1000, 1100, 2100, 6100)
    assert header.is_of(7)
    assert header.is_of("7")
    assert not header.is_of(8)


def test_where_redis_alone_keeps_the_idle_clock_the_header_knows_no_expiry() -> None:
    header = changed(Change(push=True), knows_expiry=False)

    assert (header.idle, header.expires, header.seconds_left(1100), header.is_idle(10**9)) == (300, 0, 300, False)


def test_an_idle_timeout_of_its_own_begins_now() -> None:
    header = changed(Change(idle=50))

    assert (header.idle, header.expires) == (50, 1150)


def test_an_end_that_the_app_has_set_is_pushed_out_by_nothing() -> None:
    header = changed(Change(expires=1200, push=True))

    assert (header.idle, header.expires) == (0, 1200)
    assert not POLICY.push_is_due(header, 1199)
    assert header.is_idle(1201)


@pytest.mark.parametrize(("now", "over"), [(1300, False), (1301, True)])
def test_a_session_may_stay_idle_to_the_very_second(now: int, over: bool) -> None:
    assert HEADER.is_idle(now) is over


@pytest.mark.parametrize(("now", "over"), [(1599, False), (1600, True)])
def test_the_absolute_lifetime_ends_at_its_second(now: int, over: bool) -> None:
    assert HEADER.is_at_its_end(now) is over


def test_what_is_left_is_what_either_clock_leaves_and_never_nothing() -> None:
    header = changed(Change(push=True), now=1500)

    assert [header.seconds_left(now) for now in (1500, 1590, 1600, 1700)] == [100, 10, 1, 1]


def test_the_root_stays_through_cuts_until_the_next_login() -> None:
    cut = HEADER.with_id("second", ID, 1100).with_id("third", ID, 1200)

    assert (HEADER.beginning, cut.beginning, cut.salt) == ("salt", "salt", "third")
    assert HEADER.with_id("salt", ID, 1100).root == ""


@pytest.mark.parametrize(("now", "due"), [(1299, False), (1300, True), (5000, True)])
def test_a_push_is_due_so_long_after_the_last_one(now: int, due: bool) -> None:
    header = Header.first("salt", ID, Start(None, 1200, 0), 1000).changed(Change(push=True), 1000, knows_expiry=True)

    assert POLICY.push_is_due(header, now) is due


def test_a_timeout_shorter_than_the_trigger_has_one_that_fits() -> None:
    header = Header.first("salt", ID, Start(None, 100, 0), 1000).changed(Change(push=True), 1000, knows_expiry=True)

    assert [POLICY.push_is_due(header, now) for now in (1024, 1025)] == [False, True]


def test_without_a_trigger_every_use_pushes() -> None:
    assert replace(POLICY, timeout_trigger=0).push_is_due(HEADER, 1000)


@pytest.mark.parametrize(("now", "due"), [(2799, False), (2800, True)])
def test_a_rotation_is_due_after_its_interval(now: int, due: bool) -> None:
    assert POLICY.rotation_is_due(HEADER, now) is due
    assert not replace(POLICY, rotation_interval=0).rotation_is_due(HEADER, now)
