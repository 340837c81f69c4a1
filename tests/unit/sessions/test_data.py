"""What may be kept in a session: what JSON gives back as it was."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from msgspec import DecodeError

from shopapp.sessions.data import Codec, SessionTooLargeError, check_plain, decode_json, encode_json


@pytest.mark.parametrize(
    "value", [None, True, 1, 1.5, 2**70, "ß", [], {}, [1, [2, {"a": None}]], {"a": {"b": [False]}}]
)
def test_what_json_knows_comes_back_as_it_was(value: Any) -> None:
    check_plain({"m": value})

    assert decode_json(encode_json({"m": value})) == {"m": value}


@pytest.mark.parametrize("value", [datetime.now(UTC), Decimal("1.5"), uuid4(), {1}, b"bytes", object(), (1, 2)])
@pytest.mark.parametrize("place", [lambda value: value, lambda value: [value], lambda value: {"deep": [value]}])
def test_what_would_come_back_as_something_else_is_refused(value: Any, place: Any) -> None:
    with pytest.raises(TypeError, match=type(value).__name__) as caught:
        check_plain({"m": {"when": place(value)}})

    assert repr(value) not in str(caught.value)


def test_a_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="int"):
        check_plain({"m": {1: "one"}})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_has_not_is_refused(value: float) -> None:
    with pytest.raises(TypeError, match="'rate'"):
        check_plain({"rate": value})


CODEC = Codec(serialize=encode_json, deserialize=decode_json, check=check_plain, max_size=100)


def test_what_is_over_the_limit_is_refused_with_the_name_of_what_takes_most() -> None:
    data = {"small": 1, "big": "x" * 200}

    with pytest.raises(SessionTooLargeError, match="'big'"):
        CODEC.admit(data, CODEC.encode(data))


@pytest.mark.parametrize("payload", [b"", b"[]", b"1", b'"text"', b"{", b"null"])
def test_what_is_no_object_is_no_data(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_json(payload)
