"""The token of a checkout form: what it says, and that nobody else can make one."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from shopapp.orders.form_tokens import FormToken, NotOurFormError, cart_mark

SECRETS = ("a-secret-for-tests-only", "the-one-before")


@pytest.mark.parametrize("user_id", [None, 7])
def test_what_was_signed_is_read_again(user_id: int | None) -> None:
    token = FormToken.new(user_id, {"mug": 2})

    assert FormToken.read(token.sign(SECRETS), SECRETS) == token
    assert token.cart == cart_mark({"mug": 2}) != cart_mark({"mug": 3})


def test_the_secret_before_is_still_good_and_another_is_not() -> None:
    token = FormToken.new(None, {})

    assert FormToken.read(token.sign(SECRETS[1:]), SECRETS) == token
    with pytest.raises(NotOurFormError):
        FormToken.read(token.sign(SECRETS[1:]), SECRETS[:1])


def test_each_form_has_a_name_of_its_own_of_128_bits() -> None:
    names = {FormToken.new(None, {}).name for _ in range(1000)}

    assert len(names) == 1000
    assert {len(name) for name in names} == {22}


@given(some.text(max_size=300))
def test_no_other_text_is_a_token(text: str) -> None:
    with pytest.raises(NotOurFormError):
        FormToken.read(text, SECRETS)


@given(some.data())
def test_no_character_of_a_token_can_be_changed(data: some.DataObject) -> None:
    text = FormToken.new(7, {"mug": 1}).sign(SECRETS)
    place = data.draw(some.integers(0, len(text) - 1))
    other = data.draw(some.characters(codec="ascii").filter(lambda each: each != text[place]))

    with pytest.raises(NotOurFormError):
        FormToken.read(text[:place] + other + text[place + 1 :], SECRETS)
