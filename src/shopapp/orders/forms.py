"""The form of the checkout: limits and messages."""

from functools import lru_cache
from hashlib import sha256
from typing import Any

from babel import Locale
from wtforms import EmailField, Form, HiddenField, IntegerField, SelectField, StringField
from wtforms.form import BaseForm
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, StopValidation

from shopapp.accounts.addresses import MAX_ADDRESS_LENGTH, read_email
from shopapp.db import can_be_stored
from shopapp.orders.models import BUYER
from shopapp.settings.shop import ShopSettings

RELOAD = "This form is not one of ours, or is from another time. Please load the page again."


def _is_printable(_form: BaseForm, field: Any) -> None:
    if not field.data.isprintable() or not can_be_stored(field.data):
        raise StopValidation("This holds a character that no label can carry. Please type it anew.")


def _is_address(_form: BaseForm, field: Any) -> None:
    try:
        field.data = read_email(field.data)  # as it is stored
    except ValueError:
        raise StopValidation("Please enter a whole e-mail address, such as name@example.com.") from None


class Word(StringField):
    """A line of text, without spaces around it and with one space where several were typed."""

    def __init__(self, label: str, wanted: str, most: int, **options: Any) -> None:
        """``wanted``: what to say where it is empty."""
        too_long = f"Please use at most {most} characters."
        checks = [InputRequired(wanted), DataRequired(wanted), Length(max=most, message=too_long), _is_printable]
        super().__init__(label, checks, **options)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take the field's text."""
        if valuelist:
            self.data = " ".join(valuelist[0].split())


class AmountField(IntegerField):
    """An amount in minor units, in plain digits."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take the field's text. Raises ValueError with a message for the person."""
        text = valuelist[0].strip() if valuelist else ""
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            self.data = None
            raise ValueError("Please say which total you accept, in minor units.")
        self.data = int(text)


class CheckoutForm(Form):
    """Where the things go, and what may be paid for them."""

    form = HiddenField(validators=[InputRequired(RELOAD), Length(max=200, message=RELOAD)])
    accept_total = AmountField(validators=[NumberRange(min=0)])
    email = EmailField(
        "E-mail",
        [
            InputRequired("Please enter your e-mail address: it gets the confirmation."),
            Length(max=MAX_ADDRESS_LENGTH, message="This is too long for an address."),
            _is_address,
        ],
        filters=[lambda value: value.strip() if value else value],
    )
    name = Word("Name", "Please enter whom the parcel is for.", 200)
    street = Word("Street and number", "Please enter street and number.", 200)
    postcode = Word("Postcode", "Please enter the postcode.", 20)
    city = Word("City", "Please enter the city.", 100)
    country = SelectField("Country", [InputRequired("Please choose a country.")])

    def __init__(self, shop: ShopSettings, *arguments: Any, email: str = "", **options: Any) -> None:
        """``email``: of who is signed in, who is not asked for it."""
        super().__init__(*arguments, **options)
        self.country.choices = list(country_names(shop))
        self.country.validate_choice = False  # which would answer in words of its own
        self.known_email = email
        if email:
            del self.email

    def validate_country(self, field: Any) -> None:
        """We deliver to these countries."""
        if field.data not in dict(self.country.choices):
            raise StopValidation("We do not deliver there. Please choose a country of the list.")

    def buyer(self) -> dict[str, str]:
        """Return the columns of the order."""
        typed = {name: self[name].data for name in BUYER if name in self}
        return {**typed, "email": self.known_email or typed["email"]}

    def accepted(self) -> int:
        """Return the total that the person accepts, in minor units."""
        return int(self.accept_total.data or 0)

    def fingerprint(self) -> str:
        """Return a hash of all that the form says, to tell the same again from something else."""
        said = [*sorted(self.buyer().items()), ("accept_total", self.accepted())]
        return sha256(repr(said).encode()).hexdigest()


@lru_cache
def country_names(shop: ShopSettings) -> tuple[tuple[str, str], ...]:
    """Return code and name of the countries that the shop delivers to, by name."""
    names = Locale.parse(shop.locale).territories
    return tuple(sorted(((code, names[code]) for code in shop.countries), key=lambda each: each[1]))
