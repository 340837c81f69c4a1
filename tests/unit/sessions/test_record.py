"""What is stored of a session: sealed for one key by our secret."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shopapp.sessions.header import RECORD_VERSION, Header, Person, Start
from shopapp.sessions.ids import SessionId
from shopapp.sessions.record import Sealer

SEALER = Sealer(["the newest secret", "the one before"])
KEY = "session:0123456789abcdef"
ID = SessionId("series", 0, "secret")
HEADER = Header.first("salt", ID, Start(Person(7, "192.0.2.1", "Agent/1.0"), 300, 600), 1000)
PAYLOAD = b'{"color":"red"}'
RECORD = SEALER.seal(KEY, HEADER, PAYLOAD)
VALUE = RECORD.value
text = st.text(max_size=30)


@given(st.binary(), text, st.integers(0, 2**40), st.integers(0, 2**30))
def test_what_was_sealed_is_opened(payload, agent, now, lifetime):
    header = Header.first("salt", ID, Start(Person("somebody", agent=agent), 300, lifetime), now)
    record = SEALER.seal(KEY, header, payload)

    assert SEALER.open(KEY, record.value) == record
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
    other = SEALER.seal(KEY, replace(HEADER, used=2000), b'{"m":{}}').value
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

    assert SEALER.open(KEY, record.value) is None


def test_a_header_that_we_sealed_but_cannot_read_does_not_open():
    class Other(msgspec.Struct):
        version: str

    record = SEALER.seal(KEY, Other("one"), PAYLOAD)

    assert SEALER.open(KEY, record.value) is None


def test_an_older_secret_still_opens_and_the_newest_seals():
    assert SEALER.open(KEY, Sealer(["the one before"]).seal(KEY, HEADER, PAYLOAD).value)
    assert SEALER.open(KEY, VALUE).is_sealed_anew
    assert not SEALER.open(KEY, Sealer(["the one before"]).seal(KEY, HEADER, PAYLOAD).value).is_sealed_anew
    assert Sealer(["the newest secret"]).seal(KEY, HEADER, PAYLOAD).seal == RECORD.seal
    assert SEALER.open(KEY, Sealer(["gone"]).seal(KEY, HEADER, PAYLOAD).value) is None


def test_two_versions_of_a_session_have_different_seals():
    seals = {
        RECORD.seal,
        SEALER.seal(KEY, HEADER, PAYLOAD + b" ").seal,
        SEALER.seal(KEY, replace(HEADER, used=1001), PAYLOAD).seal,
        SEALER.seal(KEY + "0", HEADER, PAYLOAD).seal,
    }

    assert len(seals) == 4
