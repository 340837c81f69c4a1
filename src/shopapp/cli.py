"""The command ``shopapp``: what an operator does to the database and to sessions from a shell, and ``serve``."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
import plaster
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from shopapp import migrations
from shopapp.accounts.devices import device_name
from shopapp.accounts.models import User, normalize_email
from shopapp.accounts.passwords import MIN_PASSWORD_LENGTH, hash_password
from shopapp.catalog import demo
from shopapp.db import create_engine_from
from shopapp.embedded import EmbeddedServerError
from shopapp.redis import Client, StoreUnavailable
from shopapp.schema import SchemaError, advice_on
from shopapp.sessions import admin, make_index
from shopapp.sessions.client import make_client
from shopapp.sessions.settings import SessionSettings
from shopapp.settings import SettingsError
from shopapp.settings.shop import Settings, load_settings


class _WrongSettings(click.ClickException):
    """Shows every complaint about the settings."""

    exit_code = 2

    def show(self, _file: object = None) -> None:
        click.echo(self.message, err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-c", "--ini", default="development.ini", show_default=True, metavar="FILE", help="Where the settings are."
)
@click.pass_context
def cli(context: click.Context, ini: str) -> None:
    """Look after a shop."""
    context.obj = ini


@cli.command()
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1), help="How many share the address.")
@click.option("--server-name", default="main", show_default=True, metavar="NAME", help="Its section: [server:NAME].")
@click.pass_obj
def serve(ini: str, processes: int, server_name: str) -> None:
    """Serve the shop by granian, as [server:main] says."""
    _settings(ini)
    try:
        from shopapp.serving import CannotServeError, serve  # noqa: PLC0415 - granian comes with an extra
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("granian"):
            raise
        raise click.ClickException("granian is not installed: pip install 'shopapp[granian]'") from None
    try:
        serve(ini, server_name, processes)
    except CannotServeError as error:
        raise click.ClickException(str(error)) from error


@cli.group()
def db() -> None:
    """Create and fill the database."""


@cli.group()
def user() -> None:
    """Look after the people who have an account."""


@cli.group()
def sessions() -> None:
    """See and end sessions."""


@db.command()
@click.pass_obj
def upgrade(ini: str) -> None:
    """Create the tables, or bring them up to date."""
    with _engine(_settings(ini), upgrading=True) as engine, engine.connect() as connection:
        migrations.upgrade(connection)
    click.echo("The database is up to date.")


@db.command("demo")
@click.pass_obj
def fill_with_demo(ini: str) -> None:
    """Add the demo products and the demo account, as far as they are missing."""
    settings = _settings(ini)
    if settings.shop.production:
        raise click.ClickException("This is production: the demo account has a published password, so it stays out.")
    with _engine(settings) as engine, Session(engine) as dbsession, dbsession.begin():
        filled = demo.fill(dbsession)
    click.echo(f"Products added: {filled.products}. Accounts added: {filled.users}.")
    click.echo(f"Log in as {demo.EMAIL} with the password: {demo.PASSWORD}")


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
    settings = _settings(ini)
    password_hash = hash_password(_ask_password())
    try:
        with _engine(settings) as engine, Session(engine) as dbsession, dbsession.begin():
            dbsession.add(User(email=email, name=name, password_hash=password_hash))
    except IntegrityError as error:
        raise click.ClickException(f"{email} has an account already.") from error
    click.echo(f"Added {email}.")


@sessions.command("list")
@click.argument("email")
@click.pass_obj
def list_sessions(ini: str, email: str) -> None:
    """List the sessions of a person, the one used last first."""
    settings = _settings(ini)
    user_id = _user_id(settings, email)
    with _redis(settings.sessions) as client:
        found = make_index(client, settings.sessions).sessions(user_id)[0]
    for info in found:
        begun, used = (f"{at:%Y-%m-%d %H:%M}Z" for at in (info.created_at, info.last_used_at))
        click.echo(f"{info.handle}  since {begun}  used {used}  {info.address}  {device_name(info.agent)}")
    if not found:
        click.echo("No sessions.")


@sessions.command("end")
@click.argument("email")
@click.pass_obj
def end_sessions(ini: str, email: str) -> None:
    """End all sessions of a person."""
    settings = _settings(ini)
    user_id = _user_id(settings, email)
    with _redis(settings.sessions) as client:
        ended = make_index(client, settings.sessions).end_all(user_id)
    click.echo(f"Sessions ended: {len(ended)}.")


@sessions.command("count")
@click.pass_obj
def count_sessions(ini: str) -> None:
    """Count all sessions, those of visitors included."""
    settings = _settings(ini).sessions
    with _redis(settings) as client:
        click.echo(f"Sessions: {admin.count(client, settings.prefix)}.")


@sessions.command("clear")
@click.confirmation_option(prompt="This signs everybody out, and visitors lose their carts. Go on?")
@click.pass_obj
def clear_sessions(ini: str) -> None:
    """End all sessions of everybody."""
    settings = _settings(ini).sessions
    with _redis(settings) as client:
        click.echo(f"Sessions ended: {admin.clear(client, settings.prefix)}.")


def _user_id(settings: Settings, email: str) -> int:
    """Return whose address it is. Raises a click error if nobody has it."""
    with _engine(settings) as engine, Session(engine) as dbsession:
        user_id = dbsession.scalar(select(User.id).where(User.email == normalize_email(email)))
    if user_id is None:
        raise click.ClickException(f"There is no account for {email}.")
    return user_id


def _ask_password() -> str:
    def long_enough(typed: str) -> str:
        if len(typed) < MIN_PASSWORD_LENGTH:
            raise click.UsageError(f"the password needs {MIN_PASSWORD_LENGTH} characters at least")
        return typed

    return click.prompt("Password", hide_input=True, confirmation_prompt=True, value_proc=long_enough)


def _settings(ini: str) -> Settings:
    """Read the ini. Raises a click error, which says all that is wrong with it."""
    if not Path(ini).is_file():  # which plaster would take for an empty one
        raise click.BadParameter(f"there is no file {ini}", param_hint="--ini")
    try:
        return load_settings(plaster.get_settings(ini, "app:main"))
    except SettingsError as error:
        raise _WrongSettings(str(error)) from error


@contextmanager
def _engine(settings: Settings, *, upgrading: bool = False) -> Iterator[Engine]:
    """An engine that is closed at the end. Turns a database that is away or empty into a click error."""
    engine = create_engine_from(settings.shop)
    try:
        yield engine
    except (migrations.DatabaseNotReadyError, SchemaError) as error:
        raise click.ClickException(str(error)) from error
    except (OperationalError, ProgrammingError) as error:
        advice = advice_on(error, upgrading=upgrading)
        raise click.ClickException(f"{str(error.orig).strip()}\n{advice}".rstrip()) from error
    finally:
        engine.dispose()


@contextmanager
def _redis(settings: SessionSettings) -> Iterator[Client]:
    """A client that is closed at the end. Turns a Redis that is away, or forbids it, into a click error."""
    try:
        with closing(make_client(settings)) as client:
            yield client
    except (StoreUnavailable, EmbeddedServerError) as error:
        raise click.ClickException(f"{error}\nIs Redis there, and is redis.sessions.redis_url right?") from error
