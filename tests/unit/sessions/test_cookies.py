"""The strict reader of the Cookie header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyramid.request import Request

from shopapp.sessions.cookies import SessionCookie
from shopapp.sessions.ids import SessionId
from shopapp.sessions.settings import SessionSettings
from shopapp.sessions.signing import CookieSigner

SIGNER = CookieSigner(["the newest", "the one before"])
COOKIE = SessionCookie(SessionSettings(secrets=("x",), cookie_name="__Host-session"), SIGNER, None)
ID = SessionId("series", 3, "secret")
OURS = SIGNER.dumps(str(ID)).decode()
OLD = CookieSigner(["the one before"]).dumps(str(ID)).decode()


def read(header: str) -> tuple[SessionId | None, str]:
    return COOKIE.read(Request({"HTTP_COOKIE": header}))


@pytest.mark.parametrize(
    "header",
    [
        f"__Host-session={OURS}",
        f"a=1; __Host-session={OURS}; b=2",
        f"a=1;__Host-session={OURS};b=2",
        f' \t__Host-session \t= "{OURS}"\t; ',
        f'tracker="\\377"; __Host-session={OURS}; {"x" * 100_000}',
        f"x__Host-session=1; __Host-session={OURS}; __Host-session2=2; __host-session=3",
        f"__Host-session; __Host-session={OURS}",
    ],
)
def test_our_cookie_is_found_among_others(header: str) -> None:
    assert read(header) == (ID, "current")


@pytest.mark.parametrize(
    ("header", "word"),
    [
        ("", "none"),
        ("a=1", "none"),
        ("__Host-session", "none"),
        ("__Host-session=", "none"),
        ('__Host-session=""', "none"),
        (f"__Host-session={OURS}; __Host-session={OURS}", "doubled"),
        (f"__Host-session={OURS}; __Host-session=", "doubled"),
        (f'other="a; __Host-session={OURS}"; __Host-session={OURS}', "doubled"),
        (f"__Host-session={OURS[:-1]}", "signature"),
        (f"__Host-session={OURS}x", "signature"),
        (f"__Host-session={OURS} {OURS}", "signature"),
        (f"__Host-session={OURS},", "signature"),
        ("__Host-session=\xe4", "signature"),
        ("__Host-session=" + "A" * 60_000, "signature"),
        ("__Host-session=" + SIGNER.dumps("no id").decode(), "signature"),
        (f"\x0b__Host-session={OURS}", "none"),
        (f"\xa0__Host-session={OURS}", "none"),
    ],
)
def test_anything_else_is_no_id_and_has_its_reason(header: str, word: str) -> None:
    assert read(header) == (None, word)


def test_an_older_secret_is_told() -> None:
    assert read(f"__Host-session={OLD}") == (ID, "old")


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_no_header_is_an_error_and_none_without_our_cookie_has_an_id(header: str) -> None:
    assert read(header)[0] is None
    before = Request({"HTTP_COOKIE": header})
    COOKIE.read(before)
    assert before.environ == {"HTTP_COOKIE": header}


@given(st.text(st.characters(max_codepoint=255, exclude_characters=";="), max_size=50), st.integers(0, 1))
def test_no_other_cookie_hides_ours(other: str, place: int) -> None:
    parts = [f"__Host-session={OURS}"]
    parts.insert(place, f"other={other}")

    assert read("; ".join(parts)) == (ID, "current")
