"""The forms of accounts: limits and messages."""

from wtforms import BooleanField, EmailField, Form, HiddenField, PasswordField
from wtforms.validators import InputRequired, Length

from shopapp.accounts.passwords import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH

TOO_LONG = "This is too long for a password."


class LoginForm(Form):
    """Sign in. The e-mail is only looked up, so its form is not judged beyond its length (RFC 5321, 4.5.3.1)."""

    email = EmailField(
        "E-mail",
        [
            InputRequired("Please enter your e-mail address."),
            Length(max=254, message="This is too long for an address."),
        ],
        filters=[lambda value: value.strip() if value else value],
    )
    password = PasswordField(
        "Password",
        [InputRequired("Please enter your password."), Length(max=MAX_PASSWORD_LENGTH, message=TOO_LONG)],
    )
    keep = BooleanField("Keep me signed in", false_values=("", "0", "false"))
    form = HiddenField(validators=[Length(max=64, message="This form is not one of ours; please load the page again.")])
    """What names the form: sent more than once, it is one sign-in."""
    next = HiddenField(validators=[Length(max=2000, message="The address to go on to is too long.")])


class PasswordForm(Form):
    """Change the password. It is taken as it was typed, spaces included, and nothing is asked of it but a length."""

    current_password = PasswordField(
        "Current password",
        [InputRequired("Please enter your current password."), Length(max=MAX_PASSWORD_LENGTH, message=TOO_LONG)],
    )
    new_password = PasswordField(
        "New password",
        [
            InputRequired("Please enter a new password."),
            Length(min=MIN_PASSWORD_LENGTH, message=f"Please use at least {MIN_PASSWORD_LENGTH} characters."),
            Length(max=MAX_PASSWORD_LENGTH, message=f"Please use at most {MAX_PASSWORD_LENGTH} characters."),
        ],
    )
