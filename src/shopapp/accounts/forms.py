"""The forms of accounts: limits and messages."""

from typing import Any

from wtforms import BooleanField, EmailField, Form, HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, StopValidation

from shopapp.accounts.addresses import MAX_ADDRESS_LENGTH, read_email
from shopapp.accounts.passwords import MAX_NEW_LENGTH, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH
from shopapp.http import MAX_TARGET_LENGTH

TOO_LONG = "This is too long for a password."
NO_ADDRESS = "Please enter your e-mail address."
ADDRESS_TOO_LONG = "This is too long for an address."
NOT_AN_ADDRESS = "This is not an e-mail address that we can write to. Please check it."
MAX_NAME_LENGTH = 200
MAX_TOKEN_LENGTH = 100


def _stripped(value: str | None) -> str | None:
    return value.strip() if value else value


def _address(_form: Form, field: Any) -> None:
    """Take the address as it is stored."""
    try:
        field.data = read_email(field.data)
    except ValueError:
        raise StopValidation(NOT_AN_ADDRESS) from None


def _printable(_form: Form, field: Any) -> None:
    # It goes into pages, into the head of mails and onto the operator's terminal.
    if not field.data.isprintable():
        raise StopValidation("Please write the name in one line, without control characters.")


def _new_password(label: str, missing: str) -> PasswordField:
    return PasswordField(
        label,
        [
            InputRequired(missing),
            Length(min=MIN_PASSWORD_LENGTH, message=f"Please use at least {MIN_PASSWORD_LENGTH} characters."),
            Length(max=MAX_NEW_LENGTH, message=f"Please use at most {MAX_NEW_LENGTH} characters."),
        ],
    )


def _address_field(label: str, **options: Any) -> EmailField:
    length = Length(max=MAX_ADDRESS_LENGTH, message=ADDRESS_TOO_LONG)
    return EmailField(label, [InputRequired(NO_ADDRESS), length, _address], filters=[_stripped], **options)


def _not_too_long(target: str | None) -> str | None:
    return target if target and len(target) <= MAX_TARGET_LENGTH else None


def _next_field() -> HiddenField:
    """Where to go on to. One that is too long is dropped: nobody typed it, so nobody could mend it."""
    return HiddenField(filters=[_not_too_long])


class LoginForm(Form):
    """Sign in. The e-mail is only looked up, so its form is not judged beyond its length (RFC 5321, 4.5.3.1)."""

    email = EmailField(
        "E-mail", [InputRequired(NO_ADDRESS), Length(max=MAX_ADDRESS_LENGTH, message=ADDRESS_TOO_LONG)], [_stripped]
    )
    password = PasswordField(
        "Password",
        [InputRequired("Please enter your password."), Length(max=MAX_PASSWORD_LENGTH, message=TOO_LONG)],
    )
    keep = BooleanField("Keep me signed in", false_values=("", "0", "false"))
    form = HiddenField(validators=[Length(max=64, message="This form is not one of ours; please load the page again.")])
    """What names the form: sent more than once, it is one sign-in."""
    next = _next_field()


class RegisterForm(Form):
    """Sign up."""

    email = _address_field("E-mail")
    name = StringField(
        "Name",
        [
            DataRequired("Please enter your name."),  # more than spaces
            Length(max=MAX_NAME_LENGTH, message="This is too long for a name."),
            _printable,
        ],
        [_stripped],
    )
    password = _new_password("Password", "Please choose a password.")
    next = _next_field()


class TokenForm(Form):
    """A link's page, sent: the token stands in for who sends it."""

    token = HiddenField(validators=[Length(max=MAX_TOKEN_LENGTH)])
    next = _next_field()


class ForgottenForm(Form):
    """Ask for the link to a new password."""

    email = _address_field("E-mail")


class ResetForm(Form):
    """Choose a new password by the link of a mail."""

    token = HiddenField(validators=[Length(max=MAX_TOKEN_LENGTH)])
    new_password = _new_password("New password", "Please choose a password.")


class EmailForm(Form):
    """Change the e-mail address. Stands on a page with another form that asks for the password."""

    email = _address_field("New e-mail address", id="new_email")
    current_password = PasswordField(
        "Your password",
        [InputRequired("Please enter your password."), Length(max=MAX_PASSWORD_LENGTH, message=TOO_LONG)],
        id="password_for_email",
    )


class ProofForm(Form):
    """Show the password once more, to go on with what was wanted."""

    current_password = PasswordField(
        "Your password",
        [InputRequired("Please enter your password."), Length(max=MAX_PASSWORD_LENGTH, message=TOO_LONG)],
    )


class PasswordForm(Form):
    """Change the password. It is taken as it was typed, spaces included."""

    current_password = PasswordField(
        "Current password",
        [InputRequired("Please enter your current password."), Length(max=MAX_PASSWORD_LENGTH, message=TOO_LONG)],
    )
    new_password = _new_password("New password", "Please enter a new password.")
