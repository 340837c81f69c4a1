"""shopapp orders: see them, and say what became of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import get_args

import click
from babel.numbers import format_currency, get_currency_precision
from sqlalchemy import select
from sqlalchemy.orm import Session

from shopapp.cli.common import open_engine, read_settings
from shopapp.orders.changes import CannotChangeError, Change, change_order
from shopapp.orders.models import Order, Status
from shopapp.orders.store import order_by_number


@click.group()
def orders() -> None:
    """See orders, and say what became of them."""


@orders.command("list")
@click.option("--status", type=click.Choice(get_args(Status)), help="Those alone.")
@click.option("--most", default=50, show_default=True, type=click.IntRange(1), help="How many, the newest first.")
@click.pass_obj
def list_orders(ini: str, status: Status | None, most: int) -> None:
    """List orders, the newest first."""
    found = select(Order).order_by(Order.placed_at.desc(), Order.id.desc()).limit(most)
    if status:
        found = found.where(Order.status == status)
    with _dbsession(ini) as dbsession:
        listed = list(dbsession.scalars(found))
        for each in listed:
            at, price = f"{each.placed_at:%Y-%m-%d %H:%M}Z", _price(each.total, each)
            click.echo(f"{each.number}  {at}  {_state(each):10}  {price}  {each.email}")
    if not listed:
        click.echo("No orders.")


@orders.command()
@click.argument("number")
@click.pass_obj
def show(ini: str, number: str) -> None:
    """Show one order: what was bought, for whom, and what became of it."""
    with _dbsession(ini) as dbsession:
        _show(_order(dbsession, number))


def _change_command(change: Change, meaning: str) -> None:
    @orders.command(change, help=meaning)
    @click.argument("number")
    @click.pass_obj
    def command(ini: str, number: str) -> None:
        with _dbsession(ini) as dbsession:
            order = _order(dbsession, number)
            try:
                change_order(dbsession, order, change)
            except CannotChangeError as error:
                raise click.ClickException(str(error)) from error
            click.echo(f"Order {order.number} is {_state(order)}.")
            if change == "cancel" and order.paid_at:
                click.echo(f"It was paid: {_price(order.total, order)} has to go back.")


_change_command("pay", "Mark an order as paid.")
_change_command("send", "Mark an order as sent.")
_change_command("cancel", "Cancel an order and put its goods back into stock.")


@contextmanager
def _dbsession(ini: str) -> Iterator[Session]:
    """A transaction that is committed at the end."""
    with open_engine(read_settings(ini)) as engine, Session(engine) as dbsession, dbsession.begin():
        yield dbsession


def _order(dbsession: Session, number: str) -> Order:
    order = order_by_number(dbsession, number)
    if order is None:
        raise click.ClickException(f"There is no order {number}.")
    return order


def _show(order: Order) -> None:
    click.echo(f"Order {order.number}, {_state(order)}, by {order.payment}")
    for word, at in (
        ("placed", order.placed_at),
        ("paid", order.paid_at),
        ("sent", order.sent_at),
        ("cancelled", order.cancelled_at),
    ):
        if at:
            click.echo(f"  {word:10} {at:%Y-%m-%d %H:%M}Z")
    click.echo(f"  to         {order.name}, {order.street}, {order.postcode} {order.city}, {order.country}")
    click.echo(f"  e-mail     {order.email}{'' if order.user_id else ' (guest)'}")
    for line in order.lines:
        click.echo(f"  {line.quantity:5} x {line.sku}  {line.name}  {_price(line.unit_price * line.quantity, order)}")
    click.echo(f"  delivery   {_price(order.shipping, order)}")
    click.echo(f"  total      {_price(order.total, order)}, with {_price(order.tax, order)} of tax in it")


def _state(order: Order) -> str:
    """An invoice may be paid after the parcel is sent."""
    return "sent, paid" if order.status == "sent" and order.paid_at else order.status


def _price(amount: int, order: Order) -> str:
    scaled = Decimal(amount).scaleb(-get_currency_precision(order.currency))
    return format_currency(scaled, order.currency, "¤¤ #,##0.00", locale="en", currency_digits=True)
