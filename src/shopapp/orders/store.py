"""Orders in the database: placed in one transaction with the stock that they take, once for each checkout form.

Prices and stock are read and taken in that transaction; nothing that a page remembers is believed. Knows no request.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from shopapp.accounts.models import User
from shopapp.cart.copies import take_out_of_copy
from shopapp.catalog.models import Product
from shopapp.db import can_be_stored
from shopapp.mail import post
from shopapp.orders.amounts import amounts_of
from shopapp.orders.models import Order, OrderLine
from shopapp.orders.names import new_key, new_number
from shopapp.settings.shop import ShopSettings

NUMBER_TRIES = 5
"""A number that is drawn twice is drawn anew; with a million orders that is one in ten thousand."""

STATEMENT_SECONDS = 5
"""So long does an order wait for those that want the same things."""

LETTER = "order_placed"

log = logging.getLogger(__name__)


class ShortError(Exception):
    """Not everything is there. ``available``: sku to units in stock, None for what is no longer sold."""

    def __init__(self, available: Mapping[str, int | None]) -> None:
        super().__init__("not everything is there")
        self.available = available


class TotalChangedError(Exception):
    """It costs more than the person has accepted."""

    def __init__(self, total: int) -> None:
        super().__init__("it costs more than was accepted")
        self.total = total


class OtherContentsError(Exception):
    """The same form was ordered with other contents."""


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """What a person has decided on. ``form`` names the checkout form, ``fingerprint`` is a hash of all that it said."""

    form: str
    fingerprint: str
    user_id: int | None
    buyer: Mapping[str, str]
    """The columns email, name, street, postcode, city and country of the order."""
    lines: Mapping[str, int]
    accept_total: int
    payment: str
    cart_of: int | None = None
    """Whose cart is ordered, None for a visitor's: its copy goes with the order."""
    cart_version: int = 0


def place(sessions: sessionmaker[Session], purchase: Purchase, shop: ShopSettings) -> tuple[Order, bool]:
    """Store the order, take its stock and write its letter down, in a transaction of its own: it is committed when this
    returns. Return the order, and whether it is new: False if this form was ordered already.

    Raises ShortError, TotalChangedError and OtherContentsError; then nothing has changed.
    """
    for tries_left in reversed(range(NUMBER_TRIES)):
        try:
            with sessions(expire_on_commit=False) as dbsession, dbsession.begin():
                return _place(dbsession, purchase, shop), True
        except (ShortError, TotalChangedError, IntegrityError) as error:
            # The same form, sent at the same moment, may have been faster: it took the stock, or the form's name.
            order = order_of_form(sessions, purchase.form)
            if order:
                return same_order(order, purchase.fingerprint), False
            if not isinstance(error, IntegrityError) or not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


def same_order(order: Order, fingerprint: str) -> Order:
    """Return the order if its form said the same. Raises OtherContentsError."""
    if order.fingerprint != fingerprint:
        raise OtherContentsError
    return order


def order_of_form(sessions: sessionmaker[Session], form: str) -> Order | None:
    """Return the order that was placed by the checkout form of this name, with its lines, as of now."""
    with sessions(expire_on_commit=False) as dbsession:
        return dbsession.scalar(select(Order).where(Order.form == form))


def order_by_number(dbsession: Session, number: str) -> Order | None:
    """Return the order of this number, however it is written: people leave out the dashes, or put in spaces."""
    digits = "".join(character for character in number if character.isascii() and character.isdigit())
    if len(digits) != 10:
        return None
    written = f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"
    return dbsession.scalar(select(Order).where(Order.number == written))


def orders_of(dbsession: Session, user_id: int, start: int, most: int) -> tuple[list[Order], int]:
    """Return ``most`` of a person's orders from ``start`` on, the newest first, and how many they have.

    Those are theirs too that somebody placed as a guest with their confirmed address.
    """
    as_guest = Order.user_id.is_(None) & (Order.email == _email_of(user_id).scalar_subquery())
    theirs = or_(Order.user_id == user_id, as_guest)
    found = select(Order).where(theirs).order_by(Order.placed_at.desc(), Order.id.desc()).offset(start).limit(most)
    total = dbsession.scalar(select(func.count()).select_from(Order).where(theirs))
    return list(dbsession.scalars(found)), total or 0


def is_theirs(dbsession: Session, order: Order, user_id: int) -> bool:
    """Tell whether an order is one of those that :func:`orders_of` lists."""
    if order.user_id is not None:
        return order.user_id == user_id
    return dbsession.scalar(_email_of(user_id)) == order.email


def keep_orders_of(dbsession: Session, user_id: int, email: str) -> None:
    """Have the orders that were found by this address be the person's own, before it is theirs no more."""
    mine = update(Order).where(Order.user_id.is_(None), Order.email == email).values(user_id=user_id)
    dbsession.execute(mine, execution_options={"synchronize_session": False})


def _email_of(user_id: int) -> Select[str]:
    return select(User.email).where(User.id == user_id)


def _place(dbsession: Session, purchase: Purchase, shop: ShopSettings) -> Order:
    if dbsession.get_bind().dialect.name == "postgresql":
        # Less than a note in the cart keeps other forms away. SQLite waits no longer by itself.
        dbsession.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"))
    lines = _take(dbsession, purchase.lines)
    amounts = amounts_of(lines, shop)
    if amounts.total > purchase.accept_total:
        raise TotalChangedError(amounts.total)
    order = Order(
        **purchase.buyer,
        number=new_number(),
        key=new_key(),
        form=purchase.form,
        fingerprint=purchase.fingerprint,
        user_id=purchase.user_id,
        payment=purchase.payment,
        subtotal=amounts.subtotal,
        shipping=amounts.shipping,
        tax=amounts.tax,
        tax_rate=shop.tax_rate,
        total=amounts.total,
        currency=shop.currency,
        lines=lines,
    )
    dbsession.add(order)
    dbsession.flush()
    post(dbsession, LETTER, order.email, order_id=order.id)
    if purchase.cart_of is not None:
        take_out_of_copy(dbsession, purchase.cart_of, purchase.cart_version, purchase.lines)
    return order


def _take(dbsession: Session, lines: Mapping[str, int]) -> list[OrderLine]:
    """Take the lines out of the stock, always in the same order, so that no two orders wait for one another."""
    taken, short = [], []
    for sku, quantity in sorted(lines.items()):
        if not can_be_stored(sku):
            short.append(sku)
            continue
        there = update(Product).where(Product.sku == sku, Product.stock >= quantity)
        there = there.values(stock=Product.stock - quantity).returning(Product.name, Product.price)
        row = dbsession.execute(there, execution_options={"synchronize_session": False}).one_or_none()
        if row is None:
            short.append(sku)
        else:
            taken.append(OrderLine(sku=sku, name=row.name, unit_price=row.price, quantity=quantity))
    if short:
        known = [sku for sku in short if can_be_stored(sku)]
        stock = {
            row.sku: row.stock
            for row in dbsession.execute(select(Product.sku, Product.stock).where(Product.sku.in_(known)))
        }
        raise ShortError({sku: stock.get(sku) for sku in short})
    return taken
