"""Whatever comes in: rubbish made of everything that the shop knows, in requests, in Redis and in letters.

What hypothesis finds is a text: put into ``corpus/``, it is tried for ever, and ``make fuzz`` goes on from there.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from fuzz.house import House, open_house
from fuzz.letters import check_letter, kinds
from fuzz.strategies import letters, records, requests
from fuzz.targets import kinds_of, try_it, try_request

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())

in_ci = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house")) as house:
        yield house


def test_all_that_was_ever_found_is_still_refused(house: House) -> None:
    for path in CORPUS:
        try_it(house, path.read_bytes())

    assert kinds_of(path.read_bytes() for path in CORPUS) >= {b"nobody", b"visitor", b"customer", b"stored", b"letter"}


@settings(in_ci, max_examples=350)
@given(text=requests())
def test_no_request_is_a_500_and_none_that_is_refused_changes_anything(house: House, text: bytes) -> None:
    try_request(house, text)


@settings(in_ci, max_examples=50)
@given(text=records())
def test_rubbish_in_redis_is_no_error_and_harms_nobody_else(house: House, text: bytes) -> None:
    try_it(house, text)


@settings(in_ci, max_examples=20)
@given(typed=letters())
def test_nothing_that_was_typed_adds_a_header_or_markup_to_a_letter(typed: bytes) -> None:
    for kind in kinds():
        check_letter(f"{kind}\n".encode() + typed)
