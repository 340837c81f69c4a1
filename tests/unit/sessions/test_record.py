"""What is stored of a session: sealed for one key by our secret, and a header that knows which ids lead to it."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shopapp.sessions.record import HASH_DIGITS, RECORD_VERSION, RETIRED_KEPT, Header, Person, Sealer, SessionId

SEALER = Sealer(["the newest secret", "the one before"])
KEY = "session:0123456789abcdef"
HEADER = Header.new("hash-of-the-secret", 1000, 600, Person(7, "192.0.2.1", "Agent/1.0"))
PAYLOAD = b'{"m":{"color":"red"},"c":1000,"v":1}'
RECORD = SEALER.seal(KEY, HEADER, PAYLOAD)
VALUE = RECORD.encode()
text = st.text(max_size=30)


@given(st.binary(), text, st.integers(0, 2**40), st.none() | st.integers(1, 2**30))
def test_what_was_sealed_is_opened(payload, agent, now, lifetime):
    header = Header.new("hash", now, lifetime, Person("somebody", agent=agent))
    record = SEALER.seal(KEY, header, payload)

    assert SEALER.open(KEY, record.encode()) == record
    assert (record.header, record.payload) == (header, payload)


def test_the_payload_stands_in_the_value_as_it_is():
    assert VALUE.endswith(b"\n" + PAYLOAD)


# The seal


@given(st.text(max_size=60).filter(lambda key: key != KEY))
def test_a_record_opens_under_no_other_key(key):
    assert SEALER.open(key, VALUE) is None


@given(st.integers(0, len(VALUE) - 1), st.integers(1, 255))
def test_a_record_with_any_byte_changed_does_not_open(place, mask):
    changed = bytearray(VALUE)
    changed[place] ^= mask

    assert SEALER.open(KEY, bytes(changed)) is None


def test_a_truncated_record_does_not_open():
    assert [length for length in range(len(VALUE)) if SEALER.open(KEY, VALUE[:length])] == []


@given(st.binary(min_size=1, max_size=20), st.integers(0, len(VALUE)))
def test_a_record_with_anything_put_in_does_not_open(more, place):
    assert SEALER.open(KEY, VALUE[:place] + more + VALUE[place:]) is None


@given(st.binary(max_size=200))
def test_anything_else_does_not_open(value):
    assert SEALER.open(KEY, value) is None


def test_a_payload_does_not_open_under_the_seal_and_header_of_another():
    other = SEALER.seal(KEY, replace(HEADER, used=2000), b'{"m":{}}').encode()
    seal, _, rest = VALUE.partition(b".")
    header, _, payload = rest.partition(b"\n")
    other_seal, _, other_rest = other.partition(b".")
    other_header, _, other_payload = other_rest.partition(b"\n")

    mixed = [
        b"%b.%b\n%b" % (s, h, p)
        for s in (seal, other_seal)
        for h in (header, other_header)
        for p in (payload, other_payload)
    ]
    assert {value for value in mixed if SEALER.open(KEY, value)} == {VALUE, other}


def test_the_border_between_the_parts_cannot_be_moved():
    seal, _, rest = VALUE.partition(b".")

    assert SEALER.open(KEY + "\n" + rest.partition(b"\n")[0].decode(), seal + b"." + PAYLOAD + b"\n") is None


@pytest.mark.parametrize("version", [0, RECORD_VERSION + 1, 99])
def test_a_record_of_another_version_does_not_open(version):
    record = SEALER.seal(KEY, replace(HEADER, version=version), PAYLOAD)

    assert SEALER.open(KEY, record.encode()) is None


def test_a_header_that_we_sealed_but_cannot_read_does_not_open():
    class Other(msgspec.Struct):
        version: str

    record = SEALER.seal(KEY, Other("one"), PAYLOAD)

    assert SEALER.open(KEY, record.encode()) is None


def test_an_older_secret_still_opens_and_the_newest_seals():
    assert SEALER.open(KEY, Sealer(["the one before"]).seal(KEY, HEADER, PAYLOAD).encode())
    assert Sealer(["the newest secret"]).seal(KEY, HEADER, PAYLOAD).seal == RECORD.seal
    assert SEALER.open(KEY, Sealer(["gone"]).seal(KEY, HEADER, PAYLOAD).encode()) is None


def test_two_versions_of_a_session_have_different_seals():
    seals = {
        RECORD.seal,
        SEALER.seal(KEY, HEADER, PAYLOAD + b" ").seal,
        SEALER.seal(KEY, replace(HEADER, used=1001), PAYLOAD).seal,
        SEALER.seal(KEY + "0", HEADER, PAYLOAD).seal,
    }

    assert len(seals) == 4


# The header


def test_a_new_header_starts_both_clocks():
    assert (HEADER.issued, HEADER.started, HEADER.used, HEADER.ends) == (1000, 1000, 1000, 1600)
    assert HEADER.person.user_id == 7
    assert HEADER.retired == ()


def test_a_header_without_a_lifetime_never_ends():
    assert Header.new("hash", 1000, None, None).ends == 0


def test_a_rotation_remembers_the_id_before_and_keeps_the_rest():
    rotated = HEADER.rotated("new", "pepper", 1300)

    assert rotated == replace(
        HEADER, secret_hash="new", pepper="pepper", issued=1300, used=1300, retired=rotated.retired
    )
    assert rotated.retired_at("hash-of-the-secret") == 1300
    assert rotated.retired_at("new") is None


def test_a_severed_header_remembers_no_earlier_id_and_keeps_the_rest():
    severed = HEADER.rotated("second", "pepper", 1300).severed("third", 1400)

    assert severed == replace(HEADER, secret_hash="third", issued=1400, used=1400)
    assert severed.retired_at("hash-of-the-secret") is None
    assert severed.retired_at("second") is None


def test_of_many_retired_ids_the_last_are_remembered():
    header = HEADER
    for number in range(RETIRED_KEPT + 5):
        header = header.rotated(f"hash-{number}", "pepper", 2000 + number)

    remembered = [number for number in range(RETIRED_KEPT + 5) if header.retired_at(f"hash-{number}")]
    assert remembered == list(range(4, RETIRED_KEPT + 4))


# Ids


@given(text, text.filter(lambda half: " " not in half))
def test_an_id_is_read_as_it_was_written(series, secret):
    assert SessionId.parse(str(SessionId(series, secret))) == SessionId(series, secret)


@given(text)
def test_any_text_is_some_id(anything):
    assert isinstance(SessionId.parse(anything).handle, str)


def test_a_new_id_of_a_session_has_the_same_series_and_handle():
    numbers = iter("abc")
    first = SessionId.new(lambda: next(numbers))
    second = SessionId.new(lambda: next(numbers), first.series)

    assert (first, second) == (SessionId("a", "b"), SessionId("a", "c"))
    assert first.handle == second.handle
    assert first.secret_hash != second.secret_hash


@given(text)
def test_a_handle_is_a_hash_prefix_that_shows_nothing_of_the_id(series):
    handle = SessionId(series, "secret").handle

    assert len(handle) == HASH_DIGITS
    assert set(handle) <= set("0123456789abcdef")
    assert handle != SessionId(series + "x", "secret").handle


# Successors


def test_the_successor_of_an_id_is_always_the_same_and_of_the_same_session():
    old = SessionId("series", "secret")

    assert SEALER.successor(old, "pepper") == SEALER.successor(old, "pepper")
    assert SEALER.successor(old, "pepper").handle == old.handle


def test_the_successor_needs_the_id_the_pepper_and_the_secret():
    old = SessionId("series", "secret")
    secrets = {
        old.secret,
        SEALER.successor(old, "pepper").secret,
        SEALER.successor(old, "other").secret,
        SEALER.successor(SessionId("series", "other"), "pepper").secret,
        Sealer(["another"]).successor(old, "pepper").secret,
    }

    assert len(secrets) == 5


def test_a_successor_holds_256_bits():
    secret = SEALER.successor(SessionId("series", "secret"), "pepper").secret

    assert len(base64.urlsafe_b64decode(secret + "=")) == 32


def test_a_dump_of_redis_leads_to_no_successor():
    """Who has the stored header has the hash of the retired id, not the id: the hash in its place gives another id."""
    old = SessionId("series", "secret")

    assert SEALER.successor(SessionId("series", old.secret_hash), "pepper") != SEALER.successor(old, "pepper")
