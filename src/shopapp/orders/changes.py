"""What becomes of an order: paid, sent or cancelled, each in one statement that only one of two people can win."""

from datetime import UTC, datetime
from typing import Literal, get_args

from sqlalchemy import update
from sqlalchemy.orm import Session

from shopapp.catalog.models import Product
from shopapp.orders.models import Order

Change = Literal["pay", "send", "cancel"]

CHANGES: tuple[Change, ...] = get_args(Change)


class CannotChangeError(Exception):
    """The order is not in a state for that. The message is for the shopkeeper."""


def change_order(dbsession: Session, order: Order, change: Change) -> None:
    """Change the order, and refresh it. An invoice may be paid after the parcel is sent. Cancelling returns the stock.

    Raises CannotChangeError.
    """
    now, orders = datetime.now(UTC), update(Order).where(Order.id == order.id)
    match change:
        case "pay":
            # What was sent before stays sent.
            changed = orders.where(Order.status.in_(("placed", "sent")), Order.paid_at.is_(None)).values(paid_at=now)
        case "send":
            changed = orders.where(Order.status.in_(("placed", "paid"))).values(status="sent", sent_at=now)
        case "cancel":
            changed = orders.where(Order.status.in_(("placed", "paid"))).values(status="cancelled", cancelled_at=now)
    if dbsession.execute(changed, execution_options={"synchronize_session": False}).rowcount != 1:  # type: ignore[attr-defined]
        dbsession.refresh(order)
        raise CannotChangeError(_refusal(order, change))
    if change == "pay":
        dbsession.execute(orders.where(Order.status == "placed").values(status="paid"))
    if change == "cancel":
        for line in sorted(order.lines, key=lambda line: line.sku):  # in the order in which a checkout takes them
            back = update(Product).where(Product.sku == line.sku).values(stock=Product.stock + line.quantity)
            dbsession.execute(back, execution_options={"synchronize_session": False})
    dbsession.refresh(order)


def _refusal(order: Order, change: Change) -> str:
    done = {"pay": order.paid_at, "send": order.sent_at, "cancel": order.cancelled_at}[change]
    word = {"pay": "paid", "send": "sent", "cancel": "cancelled"}[change]
    if done:
        return f"Order {order.number} is {word} already, since {done:%Y-%m-%d %H:%M}Z."
    return f"Order {order.number} is {order.status}, so it cannot be {word} any more."
