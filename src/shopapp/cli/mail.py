"""shopapp mail: send what is in the outbox, and look after what does not leave."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
import plaster
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

import shopapp
from shopapp.cli.common import open_engine, read_settings
from shopapp.mail import post
from shopapp.mail.letter import BadAddressError, ascii_address
from shopapp.mail.models import Letter
from shopapp.mail.outbox import SENDER
from shopapp.mail.sending import Sender
from shopapp.mail.writing import one_line
from shopapp.metrics.folder import MetricsFolderError

NO_REDIS = {
    "redis.sessions.redis_url": "unix:///dev/null/no-redis",
    "redis.sessions.redis_client_callable": "",
    "mail.thread": "false",
}
"""How the app is made that knows how each kind of letter is written: it asks no Redis, and starts none."""


@click.group()
def mail() -> None:
    """Send mail, and look after what does not leave."""


@mail.command("send")
@click.pass_obj
def send_mail(ini: str) -> None:
    """Send what is due. The exit status is 1 if something did not leave."""
    with open_engine(read_settings(ini)), _sender(ini) as sender:
        _send(sender)


@mail.command("try")
@click.argument("address")
@click.pass_obj
def try_mail(ini: str, address: str) -> None:
    """Send a letter to ADDRESS, with all else that is due, to see whether mail arrives."""
    try:
        ascii_address(address)
    except BadAddressError as error:
        raise click.BadParameter("is not an e-mail address", param_hint="ADDRESS") from error
    with open_engine(read_settings(ini)) as engine, _sender(ini) as sender:
        with Session(engine) as dbsession, dbsession.begin():
            post(dbsession, "trial", address)
        _send(sender)


@mail.command("list")
@click.pass_obj
def list_mail(ini: str) -> None:
    """List what has not left, the oldest first."""
    with open_engine(read_settings(ini)) as engine, Session(engine) as dbsession:
        letters = list(dbsession.scalars(select(Letter).order_by(Letter.created_at, Letter.id)))
    for each in letters:
        then = f"next {each.next_try_at:%Y-%m-%d %H:%M}Z" if each.next_try_at else "given up"
        posted = f"posted {each.created_at:%Y-%m-%d %H:%M}Z"
        click.echo(f"{each.id}  {each.kind}  {one_line(each.recipient)}  {posted}  tries {each.tries}  {then}")
    if not letters:
        click.echo("All mail has left.")


@mail.command("retry")
@click.argument("ids", nargs=-1, type=int, metavar="[ID]...")
@click.pass_obj
def retry_mail(ini: str, ids: tuple[int, ...]) -> None:
    """Have letters tried again from the beginning: those named, or all that were given up."""
    which = Letter.id.in_(ids) if ids else Letter.next_try_at.is_(None)
    again = update(Letter).where(which).values(tries=0, next_try_at=datetime.now(UTC)).returning(Letter.id)
    with open_engine(read_settings(ini)) as engine, Session(engine) as dbsession, dbsession.begin():
        found = len(list(dbsession.scalars(again)))
    click.echo(f"To be tried again: {found}.")


@mail.command("discard")
@click.argument("ids", nargs=-1, type=int, required=True, metavar="ID...")
@click.pass_obj
def discard_mail(ini: str, ids: tuple[int, ...]) -> None:
    """Throw letters away that nobody is to get any more."""
    gone = delete(Letter).where(Letter.id.in_(ids)).returning(Letter.id)
    with open_engine(read_settings(ini)) as engine, Session(engine) as dbsession, dbsession.begin():
        found = len(list(dbsession.scalars(gone)))
    click.echo(f"Thrown away: {found}.")


def _send(sender: Sender) -> None:
    report = sender.send_due()
    click.echo(f"Sent: {report.sent}. Failed: {report.failed}.")
    if report.away:
        click.echo("Mail cannot leave at the moment. What was not tried stays due.", err=True)
    if report.failed:
        raise SystemExit(1)


@contextmanager
def _sender(ini: str) -> Iterator[Sender]:
    """The app's sender. The app is made without REDIS_URL, which would win over what it is told here."""
    settings = {**plaster.get_settings(ini, "app:main"), **NO_REDIS}
    asked = os.environ.pop("REDIS_URL", None)
    try:
        app = shopapp.main({}, **settings)
    except MetricsFolderError as error:
        raise click.ClickException(str(error)) from error
    finally:
        if asked is not None:
            os.environ["REDIS_URL"] = asked
    sender: Sender = app.registry[SENDER]
    try:
        yield sender
    finally:
        app.registry["shopapp.sessionmaker"].kw["bind"].dispose()
