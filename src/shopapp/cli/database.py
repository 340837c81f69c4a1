"""shopapp db: the tables and the demo data."""

import click
from sqlalchemy.orm import Session

from shopapp import migrations
from shopapp.catalog import demo
from shopapp.cli.common import open_engine, read_settings


@click.group()
def db() -> None:
    """Create and fill the database."""


@db.command()
@click.pass_obj
def upgrade(ini: str) -> None:
    """Create the tables, or bring them up to date."""
    with open_engine(read_settings(ini), upgrading=True) as engine, engine.connect() as connection:
        migrations.upgrade(connection)
    click.echo("The database is up to date.")


@db.command("demo")
@click.pass_obj
def fill_with_demo(ini: str) -> None:
    """Add the demo products and the demo account, as far as they are missing."""
    settings = read_settings(ini)
    if settings.shop.production:
        raise click.ClickException("This is production: the demo account has a published password, so it stays out.")
    with open_engine(settings) as engine, Session(engine) as dbsession, dbsession.begin():
        filled = demo.fill(dbsession)
    click.echo(f"Products added: {filled.products}. Accounts added: {filled.users}.")
    click.echo(f"Log in as {demo.EMAIL} with the password: {demo.PASSWORD}")
