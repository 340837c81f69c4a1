"""The forms of accounts: limits and messages."""

from wtforms import EmailField, Form, HiddenField, PasswordField
from wtforms.validators import InputRequired, Length


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
        [InputRequired("Please enter your password."), Length(max=1024, message="This is too long for a password.")],
    )
    next = HiddenField(validators=[Length(max=2000, message="The address to go on to is too long.")])
