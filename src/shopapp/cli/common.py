"""What the commands share: the settings, the database and Redis, and what goes wrong with each in one sentence."""

import configparser
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click
import plaster
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from shopapp import migrations
from shopapp.accounts.addresses import normalize_email
from shopapp.accounts.models import User
from shopapp.db import DatabaseSetupError, create_engine_from
from shopapp.embedded import EmbeddedServerError
from shopapp.redis import ADVICE, Client, StoreUnavailable
from shopapp.schema import SchemaError, advice_on
from shopapp.sessions.client import make_client
from shopapp.sessions.settings import SessionSettings
from shopapp.settings import SettingsError
from shopapp.settings.shop import Settings, load_settings


class _WrongSettings(click.ClickException):
    """Shows every complaint about the settings."""

    exit_code = 2

    def show(self, _file: object = None) -> None:
        click.echo(self.message, err=True)


def read_settings(ini: str) -> Settings:
    """Read the ini. Raises a click error, which says all that is wrong with it."""
    if not Path(ini).is_file():  # which plaster would take for an empty one
        raise click.BadParameter(f"there is no file {ini}", param_hint="--ini")
    try:
        written = plaster.get_settings(ini, "app:main")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{ini} cannot be read: {error}", param_hint="--ini") from error
    if not written:
        raise click.BadParameter(f"there is no section [app:main] in {ini}", param_hint="--ini")
    try:
        return load_settings(written)
    except SettingsError as error:
        raise _WrongSettings(str(error)) from error


@contextmanager
def open_engine(settings: Settings, *, upgrading: bool = False) -> Iterator[Engine]:
    """An engine that is closed at the end. Turns a database that is away or empty into a click error."""
    try:
        engine = create_engine_from(settings.shop)
    except DatabaseSetupError as error:
        raise click.ClickException(str(error)) from error
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
def open_redis(settings: SessionSettings) -> Iterator[Client]:
    """A client that is closed at the end. Turns a Redis that is away, or forbids it, into a click error."""
    try:
        with closing(make_client(settings)) as client:
            yield client
    except (StoreUnavailable, EmbeddedServerError) as error:
        raise click.ClickException(f"{error}\n{ADVICE}") from error


def user_id(settings: Settings, email: str) -> int:
    """Return whose address it is. Raises a click error if nobody has it."""
    with open_engine(settings) as engine, Session(engine) as dbsession:
        user_id = dbsession.scalar(select(User.id).where(User.email == normalize_email(email)))
    if user_id is None:
        raise click.ClickException(f"There is no account for {email}.")
    return user_id
