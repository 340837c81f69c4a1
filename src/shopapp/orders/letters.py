"""What is written to people about their orders."""

from typing import Any

from sqlalchemy.orm import Session

from shopapp.mail.models import Letter
from shopapp.orders.models import Order
from shopapp.orders.pages import order_path


def compose_order_placed(dbsession: Session, letter: Letter) -> dict[str, Any] | None:
    """The confirmation of an order."""
    order = dbsession.get(Order, letter.data["order_id"])
    return None if order is None else {"order": order, "path": order_path(order)}
