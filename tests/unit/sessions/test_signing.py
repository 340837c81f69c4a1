"""The cookie's signature: one spelling of one value, by one of our secrets, and nothing else."""

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shopapp.sessions.signing import MAX_COOKIE_LENGTH, CookieSigner

SIGNER = CookieSigner(["the newest secret", "the one before"])
ID = "series-of-43-characters secret-of-43-characters"
COOKIE = SIGNER.dumps(ID)
ids = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="-_. "), max_size=100)


def refused(cookie: bytes) -> bool:
    """Whether the signer refuses it in the way that the library expects."""
    try:
        SIGNER.loads(cookie)
    except ValueError:
        return True
    return False


@given(ids)
def test_what_was_signed_is_read(session_id):
    assert SIGNER.loads(SIGNER.dumps(session_id)) == session_id


def flipped(bit: int) -> bytes:
    """Our cookie with one bit flipped."""
    changed = bytearray(COOKIE)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_any_single_flipped_bit_is_refused():
    assert not refused(COOKIE)
    assert [bit for bit in range(8 * len(COOKIE)) if not refused(flipped(bit))] == []


def test_a_truncated_cookie_is_refused_at_either_end():
    lengths = range(len(COOKIE))

    assert [length for length in lengths if not refused(COOKIE[:length])] == []
    assert [length for length in lengths if not refused(COOKIE[len(COOKIE) - length :])] == []


@given(st.binary(min_size=1, max_size=50))
@example(b"=")
@example(b"==")
@example(b"A")
@example(b"\n")
@example(b" ")
def test_an_extended_cookie_is_refused(more):
    assert refused(COOKIE + more)
    assert refused(more + COOKIE)


@given(st.integers(0, len(COOKIE)), st.sampled_from([b"\n", b" ", b"=", b"*", b"\xff", b"%", b'"', b"\x00"]))
def test_characters_that_base64_skips_are_refused(place, foreign):
    assert refused(COOKIE[:place] + foreign + COOKIE[place:])


def test_another_spelling_in_base64_is_refused():
    padded = COOKIE + b"=" * (-len(COOKIE) % 4)
    raw = base64.urlsafe_b64decode(padded)
    spellings = {padded, padded + b"=", base64.b64encode(raw), base64.b32encode(raw), raw, raw.hex().encode()}

    assert {spelling for spelling in spellings if not refused(spelling)} <= {COOKIE}


@pytest.mark.parametrize("session_id", ["a", "ab", "abc"])
def test_spare_bits_at_the_end_are_refused(session_id):
    cookie = SIGNER.dumps(session_id)
    digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    read = [digit for digit in digits if not refused(cookie[:-1] + bytes([digit]))]

    assert read == [cookie[-1]]


@given(st.binary(max_size=300))
@example(b"")
@example("größe".encode())
@example("größe".encode("latin-1"))
@example(b"\x00" * 100)
@example(b"A" * 88)
def test_anything_else_is_refused(cookie):
    assert refused(cookie)


@pytest.mark.parametrize("length", [MAX_COOKIE_LENGTH + 1, 5_000_000])
def test_a_huge_cookie_is_refused(length):
    assert refused(b"A" * length)
    assert refused(COOKIE * (length // len(COOKIE) + 1))


def test_a_cookie_that_is_too_long_is_refused_although_we_signed_it():
    assert refused(SIGNER.dumps("a" * MAX_COOKIE_LENGTH))


def test_an_id_may_be_any_text():
    assert SIGNER.loads(SIGNER.dumps("größe")) == "größe"


def test_a_cookie_of_another_secret_is_refused():
    assert refused(CookieSigner(["another"]).dumps(ID))
    assert refused(CookieSigner(["the newest secret "]).dumps(ID))
    assert refused(CookieSigner(["the newest secret the one before"]).dumps(ID))


def test_an_older_secret_still_verifies_and_the_newest_signs():
    assert SIGNER.loads(CookieSigner(["the one before"]).dumps(ID)) == ID
    assert CookieSigner(["the newest secret"]).dumps(ID) == COOKIE


def test_a_secret_that_is_gone_verifies_no_more():
    assert refused(CookieSigner(["the one before that"]).dumps(ID))


def test_a_signature_of_the_same_secret_for_something_else_is_refused():
    from webob.cookies import SignedSerializer

    other = SignedSerializer("the newest secret", "pyramid_session_redis.", "sha512")

    assert refused(other.dumps(ID))
