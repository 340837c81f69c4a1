"""The command ``shopapp``: what an operator does to the shop from a shell, and ``serve``."""

import click

from shopapp.cli.common import read_settings
from shopapp.cli.database import db
from shopapp.cli.mail import mail
from shopapp.cli.orders import orders
from shopapp.cli.people import user
from shopapp.cli.sessions import sessions


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
    read_settings(ini)
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


for _group in (db, user, orders, mail, sessions):
    cli.add_command(_group)
