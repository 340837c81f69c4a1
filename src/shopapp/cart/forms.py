"""The form of a line in the cart: limits and messages."""

from wtforms import Form
from wtforms.validators import InputRequired, NumberRange

from shopapp.catalog.forms import NOT_A_NUMBER, QuantityField


class SetForm(Form):
    """Set a line's quantity; 0 removes it."""

    quantity = QuantityField("Quantity", [InputRequired(NOT_A_NUMBER), NumberRange(min=0)])
