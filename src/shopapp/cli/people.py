"""shopapp user: the people who have an account."""

from collections.abc import Callable
from datetime import UTC, datetime

import click
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shopapp.accounts.addresses import normalize_email, read_email
from shopapp.accounts.forms import MAX_NAME_LENGTH
from shopapp.accounts.links import kill_links_of
from shopapp.accounts.models import User
from shopapp.accounts.passwords import MAX_NEW_LENGTH, MIN_PASSWORD_LENGTH, hash_password
from shopapp.accounts.store import find_user
from shopapp.accounts.strength import weakness_of
from shopapp.accounts.validity import next_moment
from shopapp.cli.common import open_engine, open_redis, read_settings
from shopapp.mail import post
from shopapp.sessions import make_index
from shopapp.settings.shop import Settings

BATCH = 500
"""Rows of a list that are in memory at a time."""


@click.group()
def user() -> None:
    """Look after the people who have an account."""


@user.command()
@click.argument("email")
@click.argument("name")
@click.pass_obj
def add(ini: str, email: str, name: str) -> None:
    """Add an account; asks for the password."""
    name = name.strip()
    try:
        email = read_email(email)
    except ValueError:
        raise click.BadParameter("is not an e-mail address", param_hint="EMAIL") from None
    if not (0 < len(name) <= MAX_NAME_LENGTH and name.isprintable()):
        raise click.BadParameter(f"must have 1 to {MAX_NAME_LENGTH} characters, in one line", param_hint="NAME")
    settings = read_settings(ini)
    password_hash = hash_password(_ask_password(settings, name, email))
    try:
        with open_engine(settings) as engine, Session(engine) as dbsession, dbsession.begin():
            dbsession.add(User(email=email, name=name, password_hash=password_hash))
    except IntegrityError as error:
        raise click.ClickException(f"{email} has an account already.") from error
    click.echo(f"Added {email}.")


@user.command("list")
@click.pass_obj
def list_people(ini: str) -> None:
    """List all accounts, the oldest first: number, address, name, since when, and since when disabled."""
    columns = select(User.id, User.email, User.name, User.created_at, User.disabled_at).order_by(User.id)
    with open_engine(read_settings(ini)) as engine, Session(engine) as dbsession:
        for row in dbsession.execute(columns.execution_options(yield_per=BATCH)):
            disabled = f"  disabled {row.disabled_at:%Y-%m-%d}" if row.disabled_at else ""
            click.echo(f"{row.id}  {row.email}  {row.name}  since {row.created_at:%Y-%m-%d}{disabled}")


@user.command("passwd")
@click.argument("email")
@click.pass_obj
def change_password(ini: str, email: str) -> None:
    """Give a person another password, and end all their sessions; asks for it."""
    settings = read_settings(ini)
    with open_engine(settings) as engine, Session(engine) as dbsession:
        person = _find(dbsession, email)
    password_hash = hash_password(_ask_password(settings, person.name, person.email))

    def change(dbsession: Session, person: User) -> None:
        person.password_hash, person.owes_sign_out = password_hash, True
        person.sessions_valid_from = next_moment(person)
        kill_links_of(dbsession, person.id)
        at = datetime.now(UTC).isoformat()
        post(dbsession, "password_changed", person.email, user=person.id, at=at)

    ended = change_and_end_sessions(settings, email, change)
    with open_engine(settings) as engine, Session(engine) as dbsession, dbsession.begin():
        dbsession.execute(update(User).where(User.id == person.id).values(owes_sign_out=False))
    click.echo(f"The password of {person.email} is changed. Sessions ended: {ended}.")


@user.command()
@click.argument("email")
@click.pass_obj
def disable(ini: str, email: str) -> None:
    """Let nobody sign in with an account any more, and end all its sessions."""

    def change(dbsession: Session, person: User) -> None:
        person.disabled_at = person.disabled_at or datetime.now(UTC)
        person.sessions_valid_from = next_moment(person)
        kill_links_of(dbsession, person.id)

    ended = change_and_end_sessions(read_settings(ini), email, change)
    click.echo(f"Disabled {normalize_email(email)}. Sessions ended: {ended}.")


@user.command()
@click.argument("email")
@click.pass_obj
def enable(ini: str, email: str) -> None:
    """Let a person sign in again."""
    with open_engine(read_settings(ini)) as engine, Session(engine) as dbsession, dbsession.begin():
        _find(dbsession, email).disabled_at = None
    click.echo(f"Enabled {normalize_email(email)}.")


def change_and_end_sessions(settings: Settings, email: str, change: Callable[[Session, User], None]) -> int:
    """Change an account, then end its sessions; return how many. A sign-in that is on its way meanwhile is among them,
    or looks at the account again after its session is stored, and finds the change. Raises a click error.
    """
    with open_engine(settings) as engine, Session(engine) as dbsession, dbsession.begin():
        person = _find(dbsession, email, locked=True)
        change(dbsession, person)
        user_id = person.id
    try:
        with open_redis(settings.sessions) as client:
            return len(make_index(client, settings.sessions).end_all(user_id))
    except click.ClickException as error:
        raise click.ClickException(
            "The account is changed, but its sessions go on for a minute: to end them now, please run this again.\n"
            f"{error.message}"
        ) from error


def _find(dbsession: Session, email: str, *, locked: bool = False) -> User:
    person = find_user(dbsession, email)
    if person is None:
        raise click.ClickException(f"There is no account for {email}.")
    if locked:
        dbsession.refresh(person, with_for_update=True)
    return person


def _ask_password(settings: Settings, name: str, email: str) -> str:
    def good_enough(typed: str) -> str:
        if not MIN_PASSWORD_LENGTH <= len(typed) <= MAX_NEW_LENGTH:
            raise click.UsageError(f"the password needs {MIN_PASSWORD_LENGTH} to {MAX_NEW_LENGTH} characters")
        weakness = weakness_of(typed, name=name, email=email, shop=settings.shop.name)
        if weakness:
            raise click.UsageError(weakness)
        return typed

    return click.prompt("Password", hide_input=True, confirmation_prompt=True, value_proc=good_enough)
