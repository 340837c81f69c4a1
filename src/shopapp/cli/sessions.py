"""shopapp sessions: see and end them."""

import click
from sqlalchemy.orm import Session

from shopapp.accounts.devices import device_name
from shopapp.accounts.models import User
from shopapp.accounts.validity import next_moment
from shopapp.cli.common import open_redis, read_settings, user_id
from shopapp.cli.people import change_and_end_sessions
from shopapp.sessions import admin, make_index


@click.group()
def sessions() -> None:
    """See and end sessions."""


@sessions.command("list")
@click.argument("email")
@click.pass_obj
def list_sessions(ini: str, email: str) -> None:
    """List the sessions of a person, the one used last first."""
    settings = read_settings(ini)
    person = user_id(settings, email)
    with open_redis(settings.sessions) as client:
        found = make_index(client, settings.sessions).sessions(person)[0]
    for info in found:
        begun, used = (f"{at:%Y-%m-%d %H:%M}Z" for at in (info.created_at, info.last_used_at))
        click.echo(f"{info.handle}  since {begun}  used {used}  {info.address}  {device_name(info.agent)}")
    if not found:
        click.echo("No sessions.")


@sessions.command("end")
@click.argument("email")
@click.pass_obj
def end_sessions(ini: str, email: str) -> None:
    """End all sessions of a person, those too that Redis has lost from their list: these within a minute."""

    def change(_dbsession: Session, person: User) -> None:
        person.sessions_valid_from = next_moment(person)

    ended = change_and_end_sessions(read_settings(ini), email, change)
    click.echo(f"Sessions ended: {ended}.")


@sessions.command("count")
@click.pass_obj
def count_sessions(ini: str) -> None:
    """Count all sessions, those of visitors included."""
    settings = read_settings(ini).sessions
    with open_redis(settings) as client:
        click.echo(f"Sessions: {admin.count(client, settings.prefix)}.")


@sessions.command("reindex")
@click.pass_obj
def reindex_sessions(ini: str) -> None:
    """Find all sessions of persons, and list those that the person's list has lost."""
    settings = read_settings(ini).sessions
    with open_redis(settings) as client:
        there, missing = admin.reindex(client, settings.prefix, make_index(client, settings))
    click.echo(f"Sessions of persons: {there}. Missing in their lists until now: {missing}.")


@sessions.command("clear")
@click.confirmation_option(prompt="This signs everybody out, and visitors lose their carts. Go on?")
@click.pass_obj
def clear_sessions(ini: str) -> None:
    """End all sessions of everybody."""
    settings = read_settings(ini).sessions
    with open_redis(settings) as client:
        click.echo(f"Sessions ended: {admin.clear(client, settings.prefix)}.")
