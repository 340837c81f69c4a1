"""shopapp user: the people who have an account."""

import re

import click
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shopapp.accounts.models import User
from shopapp.accounts.passwords import MIN_PASSWORD_LENGTH, hash_password
from shopapp.cli.common import open_engine, read_settings


@click.group()
def user() -> None:
    """Look after the people who have an account."""


@user.command()
@click.argument("email")
@click.argument("name")
@click.pass_obj
def add(ini: str, email: str, name: str) -> None:
    """Add an account; asks for the password."""
    email, name = email.strip(), name.strip()
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email) or len(email) > User.email.type.length:
        raise click.BadParameter("is not an e-mail address", param_hint="EMAIL")
    if not 0 < len(name) <= User.name.type.length:
        raise click.BadParameter(f"must have 1 to {User.name.type.length} characters", param_hint="NAME")
    settings = read_settings(ini)
    password_hash = hash_password(_ask_password())
    try:
        with open_engine(settings) as engine, Session(engine) as dbsession, dbsession.begin():
            dbsession.add(User(email=email, name=name, password_hash=password_hash))
    except IntegrityError as error:
        raise click.ClickException(f"{email} has an account already.") from error
    click.echo(f"Added {email}.")


def _ask_password() -> str:
    def long_enough(typed: str) -> str:
        if len(typed) < MIN_PASSWORD_LENGTH:
            raise click.UsageError(f"the password needs {MIN_PASSWORD_LENGTH} characters at least")
        return typed

    return click.prompt("Password", hide_input=True, confirmation_prompt=True, value_proc=long_enough)
