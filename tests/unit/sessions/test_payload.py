"""What may be kept in a session: what JSON gives back as it was."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from shopapp.sessions.payload import decode_json, encode_json


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "ß", [], {}, [1, [2, {"a": None}]], {"a": {"b": [False]}}])
def test_what_json_knows_comes_back_as_it_was(value: Any) -> None:
    assert decode_json(encode_json({"m": value})) == {"m": value}


@pytest.mark.parametrize("value", [datetime.now(UTC), Decimal("1.5"), uuid4(), {1}, b"bytes", object()])
@pytest.mark.parametrize("place", [lambda value: value, lambda value: [value], lambda value: {"deep": [value]}])
def test_what_would_come_back_as_something_else_is_refused(value: Any, place: Any) -> None:
    with pytest.raises(TypeError, match=type(value).__name__) as caught:
        encode_json({"m": {"when": place(value)}})

    assert repr(value) not in str(caught.value)


def test_a_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="int"):
        encode_json({"m": {1: "one"}})
