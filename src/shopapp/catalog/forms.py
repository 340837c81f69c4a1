"""The form on a product's page: limits and messages."""

import re
from typing import Any

from wtforms import Form, HiddenField, IntegerField
from wtforms.form import BaseForm
from wtforms.validators import InputRequired, NumberRange, Optional, Regexp, StopValidation

NOT_A_NUMBER = "Please enter a whole number, such as 1 or 2."

PRESS = re.compile(r"[!-~]{1,64}\Z")
"""What may name a press: it is kept, so it is short, and stands before a space."""
NOT_A_PRESS = "A press is named by at most 64 letters, digits and signs, without spaces."


class QuantityField(IntegerField):
    """A quantity in plain digits: no sign, no 1e9, no 0x, no digits of other scripts, which int() would take."""

    data: Any  # a number once the form is valid, which WTForms has no types to say

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take the field's text. Raises ValueError with a message for the person."""
        if not valuelist:
            return
        text = valuelist[0].strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            self.data = None
            raise ValueError(NOT_A_NUMBER)
        self.data = int(text)

    def pre_validate(self, form: BaseForm) -> None:  # noqa: ARG002
        """What is no number needs no second message, that it is not in range."""
        if self.process_errors:
            raise StopValidation


class AddForm(Form):
    """Add a product to the cart, one unit if nothing is said."""

    sku = HiddenField(validators=[InputRequired("Please say which product to add.")])
    press = HiddenField(validators=[Optional(strip_whitespace=False), Regexp(PRESS, message=NOT_A_PRESS)])
    """What names this press of the button: several adds of one name are one."""
    quantity = QuantityField("Quantity", [NumberRange(min=1, message="Please add at least 1.")], default=1)
