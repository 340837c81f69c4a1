"""One mailbox is one account, in whatever way its address is typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopapp.accounts.addresses import normalize_email, read_email


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("demo@example.com", "demo@example.com"),
        ("  DEMO@Example.COM ", "demo@example.com"),
        ("Jürgen@Münster.example", "jürgen@münster.example"),
        ("Ju\u0308rgen@xn--mnster-3ya.example", "jürgen@münster.example"),
        ("a@XN--MNSTER-3YA.de", "a@münster.de"),
        ("first.last+shop@sub.example.org", "first.last+shop@sub.example.org"),
        ("ann@shop.test", "ann@shop.test"),
    ],
)
def test_an_address_is_stored_in_one_spelling(typed: str, address: str) -> None:
    assert read_email(typed) == normalize_email(typed) == address


@pytest.mark.parametrize(
    "typed",
    ["", "ann", "ann@", "@example.com", "a b@example.com", "a@b@example.com", "a@example..com", "a@[127.0.0.1]",
     "a@example.com\nBcc: b@example.com", "Ann <a@example.com>", "a@" + "b" * 253, "a@\ud83d.com", '"a b"@example.com'],
)  # fmt: skip
def test_what_is_no_address_is_refused_for_new_accounts_and_finds_nobody(typed: str) -> None:
    with pytest.raises(ValueError, match="address"):
        read_email(typed)

    assert normalize_email(typed) == typed.strip().lower()


@given(st.one_of(st.text(), st.emails()))
def test_to_read_an_address_twice_changes_nothing_and_nothing_raises(typed: str) -> None:
    assert normalize_email(normalize_email(typed)) == normalize_email(typed)


def test_an_address_from_before_addresses_were_judged_is_found_as_ever() -> None:
    assert normalize_email(" Shop@Localhost") == "shop@localhost"
