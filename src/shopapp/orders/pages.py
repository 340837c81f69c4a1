"""An order as people and programs see it."""

from typing import Any
from urllib.parse import urlencode

from shopapp.orders.models import BUYER, Order


def status_text(order: Order) -> str:
    """Return what became of the order, in words for the person."""
    match order.status:
        case "cancelled":
            return (
                "It is cancelled. What you have paid goes back to you."
                if order.paid_at
                else ("It is cancelled. Nothing is owed.")
            )
        case "sent":
            return "It is on its way to you, and paid." if order.paid_at else "It is on its way to you, with the bill."
        case "paid":
            return "It is paid, and we are packing it."
    return "We have your order and are packing it."


def order_path(order: Order) -> str:
    """Return the address of an order's page, under the root of the site: with the key for a guest's."""
    return f"/orders/{order.number}" + (f"?{urlencode({'key': order.key})}" if order.user_id is None else "")


def order_json(order: Order, script_name: str = "") -> dict[str, Any]:
    """Return the order as JSON shows it."""
    amounts = {name: getattr(order, name) for name in ("subtotal", "shipping", "tax", "total", "currency")}
    lines = [
        {
            "sku": line.sku,
            "name": line.name,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "line_total": line.unit_price * line.quantity,
        }
        for line in order.lines
    ]
    moments = {name: getattr(order, name) for name in ("placed_at", "paid_at", "sent_at", "cancelled_at")}
    whom = {name: getattr(order, name) for name in BUYER}
    return {
        "number": order.number,
        "status": order.status,
        **{name: at.isoformat() if at else None for name, at in moments.items()},
        "lines": lines,
        **amounts,
        **whom,
        "payment": order.payment,
        "url": script_name + order_path(order),
    }
