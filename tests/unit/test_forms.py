"""The limits and messages of the forms of catalogue, cart and accounts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webob.multidict import MultiDict
from wtforms import Form

from shopapp.accounts.forms import LoginForm
from shopapp.cart.forms import SetForm
from shopapp.catalog.forms import NOT_A_NUMBER, AddForm


def filled(form: type[Form], **fields: str) -> Form:
    """The form as it was sent, judged."""
    result = form(MultiDict(fields))
    result.validate()
    return result


@pytest.mark.parametrize(("text", "quantity"), [("1", 1), ("12", 12), (" 7 ", 7), ("007", 7), ("999999999", 999999999)])
def test_a_quantity_is_plain_digits(text: str, quantity: int) -> None:
    for form in (filled(AddForm, sku="a", quantity=text), filled(SetForm, quantity=text)):
        assert form.errors == {}
        assert form.quantity.data == quantity


@pytest.mark.parametrize(
    "text", ["-1", "+1", "1.0", "1e3", "0x1", "1_0", "\u0661", "\xb2", "\uff11", "a", "1" * 10, "1\n2"]
)
def test_a_quantity_is_nothing_else_that_python_takes_for_a_number(text: str) -> None:
    for form in (filled(AddForm, sku="a", quantity=text), filled(SetForm, quantity=text)):
        assert form.errors == {"quantity": [NOT_A_NUMBER]}


@given(st.text())
def test_a_quantity_is_a_number_in_range_or_an_error(text: str) -> None:
    form = filled(SetForm, quantity=text)

    assert form.errors or 0 <= form.quantity.data <= 999_999_999


def test_what_was_typed_is_shown_again() -> None:
    assert 'value="two"' in filled(SetForm, quantity="two").quantity()


def test_one_is_added_unless_a_quantity_is_said() -> None:
    form = filled(AddForm, sku="a")

    assert form.errors == {}
    assert form.quantity.data == 1


def test_an_empty_quantity_is_not_one() -> None:
    assert filled(AddForm, sku="a", quantity="").errors == {"quantity": [NOT_A_NUMBER]}


def test_none_can_be_set_but_not_added() -> None:
    assert filled(SetForm, quantity="0").errors == {}
    assert filled(AddForm, sku="a", quantity="0").errors == {"quantity": ["Please add at least 1."]}


def test_a_quantity_must_be_said_to_be_set() -> None:
    assert filled(SetForm).errors == {"quantity": [NOT_A_NUMBER]}


def test_a_product_must_be_said_to_be_added() -> None:
    assert filled(AddForm, quantity="1").errors == {"sku": ["Please say which product to add."]}
    assert filled(AddForm, sku="", quantity="1").errors == {"sku": ["Please say which product to add."]}


def test_an_address_loses_the_spaces_around_it_and_a_password_does_not() -> None:
    form = filled(LoginForm, email=" a@example.com ", password=" a b ")

    assert form.errors == {}
    assert (form.email.data, form.password.data) == ("a@example.com", " a b ")


def test_the_longest_address_and_password_are_let_through() -> None:
    assert filled(LoginForm, email="a" * 254, password="p" * 1024).errors == {}
    assert set(filled(LoginForm, email="a" * 255, password="p" * 1025).errors) == {"email", "password"}
