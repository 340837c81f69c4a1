"""The number and the key of an order."""

import re

from shopapp.orders.names import new_key, new_number


def test_a_number_is_digits_in_groups_and_no_counter() -> None:
    drawn = [new_number() for _ in range(1000)]

    assert all(re.fullmatch(r"\d{3}-\d{3}-\d{4}", number) for number in drawn)
    assert len(set(drawn)) == 1000
    assert drawn != sorted(drawn)


def test_a_key_has_256_bits_and_never_comes_twice() -> None:
    drawn = {new_key() for _ in range(1000)}

    assert len(drawn) == 1000
    assert {len(key) for key in drawn} == {43}  # base64 of 32 bytes
