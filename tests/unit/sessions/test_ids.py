"""Session ids: how they follow from one another, and what one is good for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopapp.sessions.header import Header, Start
from shopapp.sessions.ids import HASH_DIGITS, IdIssuer, SessionId, Standing

IDS = IdIssuer(["the newest secret", "the one before"])
OLDER = IdIssuer(["the one before"])
START = Start(None, 300, 600)
text = st.text(max_size=30)


def header_of(session_id: SessionId, salt: str = "salt") -> Header:
    return Header.first(salt, session_id, START, 1000)


@given(text.filter(bool), st.integers(0, 999_999_999), text.filter(lambda half: half and "." not in half))
def test_an_id_is_read_as_it_was_written(series: str, generation: int, secret: str) -> None:
    session_id = SessionId(series, generation, secret)

    assert SessionId.parse(str(session_id)) == session_id


@pytest.mark.parametrize("wrong", ["", "x", "a.b", "..", "a..b", ".1.b", "a.1.", "a.-1.b", "a.x.b", "a.٣.b", "a.1e9.b"])
def test_what_is_no_id_is_none(wrong: str) -> None:
    assert SessionId.parse(wrong) is None


def test_an_id_is_made_of_characters_that_a_cookie_can_hold() -> None:
    assert str(IDS.issue("a-series_of~ours", "salt", 3)).isascii()
    assert not set(str(IDS.issue("series", "salt", 3))) & set(' ",;\\')


@given(text)
def test_a_handle_is_a_hash_that_shows_nothing_of_the_id(series: str) -> None:
    handle = SessionId(series, 0, "secret").handle

    assert len(handle) == HASH_DIGITS
    assert set(handle) <= set("0123456789abcdef")
    assert handle != SessionId(series + "x", 0, "secret").handle


def test_a_secret_holds_192_bits_and_needs_series_salt_generation_and_key() -> None:
    secrets = {
        IDS.issue("series", "salt", 0).secret,
        IDS.issue("other", "salt", 0).secret,
        IDS.issue("series", "other", 0).secret,
        IDS.issue("series", "salt", 1).secret,
        OLDER.issue("series", "salt", 0).secret,
    }

    assert len(secrets) == 5
    assert {len(bytes.fromhex(secret)) for secret in secrets} == {24}


@pytest.mark.parametrize(
    ("generation", "standing"),
    [
        (0, Standing.RETIRED),
        (1, Standing.RETIRED),
        (4, Standing.RETIRED),
        (5, Standing.CURRENT),
        (6, Standing.NEXT),
    ],
)
@pytest.mark.parametrize("issuer", [IDS, OLDER])
def test_what_an_id_is_to_a_session_in_its_fifth_generation(
    issuer: IdIssuer, generation: int, standing: Standing
) -> None:
    header = header_of(IDS.issue("series", "salt", 5))

    assert IDS.standing(issuer.issue("series", "salt", generation), header) is standing


def test_an_id_is_retired_for_as_long_as_the_session_lives() -> None:
    header = header_of(IDS.issue("series", "salt", 100_000))

    assert IDS.standing(IDS.issue("series", "salt", 0), header) is Standing.RETIRED


@pytest.mark.parametrize(
    "other",
    [
        IDS.issue("series", "an earlier salt", 5),
        IdIssuer(["a secret of somebody else"]).issue("series", "salt", 6),
        SessionId("series", 5, "guessed"),
        SessionId("series", 5, IDS.issue("series", "salt", 4).secret),
        SessionId("series", 5, header_of(IDS.issue("series", "salt", 5)).secret_hash),
    ],
)
def test_any_other_id_is_cut_off(other: SessionId) -> None:
    assert IDS.standing(other, header_of(IDS.issue("series", "salt", 5))) is Standing.CUT_OFF


def test_the_id_after_a_cut_is_known_before_and_those_from_before_open_nothing_after_it() -> None:
    before, after = IDS.issue("series", "salt", 5), IDS.issue("series", IDS.next_salt("salt", "login"), 0)

    assert IDS.standing(after, header_of(before)) is Standing.AHEAD
    cut = header_of(before).with_id(IDS.next_salt("salt", "login"), after, 2000)
    assert IDS.standing(after, cut) is Standing.CURRENT
    assert IDS.standing(before, cut) is Standing.CUT_OFF
    assert IDS.standing(IDS.issue("series", "salt", 6), cut) is Standing.CUT_OFF


def test_an_id_whose_secret_was_dropped_is_still_the_valid_one_and_none_else() -> None:
    newest = IdIssuer(["the newest secret"])
    header = header_of(OLDER.issue("series", "salt", 5))

    assert newest.standing(OLDER.issue("series", "salt", 5), header) is Standing.CURRENT
    assert newest.standing(OLDER.issue("series", "salt", 4), header) is Standing.CUT_OFF


def test_a_form_leads_to_one_series_for_each_person() -> None:
    series = {IDS.series_of_form(form, user) for form in ("form", "other") for user in (1, 2, "1")}

    assert len(series) == 6
    assert IDS.series_of_form("form", 1) == IDS.series_of_form("form", 1)
