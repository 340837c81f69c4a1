"""The cart: sku to quantity in the session, and what people see of it."""

from typing import Any

from django.contrib.sessions.backends.base import SessionBase

from benchmarks.pages.django_shop.models import Product

MOST_UNITS = 999


def count(session: SessionBase) -> int:
    """Return the units in all lines."""
    return sum(session.get("cart", {}).values())


def set_quantity(session: SessionBase, sku: str, quantity: int) -> None:
    """Set a line; 0 removes it."""
    quantities = session.get("cart", {})
    if quantity:
        quantities[sku] = quantity
    else:
        quantities.pop(sku, None)
    session["cart"] = quantities


def contents(session: SessionBase) -> dict[str, Any]:
    """Return the lines and their sums."""
    quantities = session.get("cart", {})
    products = Product.objects.filter(sku__in=quantities) if quantities else ()
    lines = [_line(product, quantities[product.sku]) for product in products]
    total = sum(line["line_total"] for line in lines)
    return {"lines": lines, "count": count(session), "total": total, "currency": "EUR"}


def _line(product: Product, quantity: int) -> dict[str, Any]:
    problem = f"Only {product.stock} left." if product.stock else "Sold out at the moment."
    return {
        "sku": product.sku,
        "name": product.name,
        "quantity": quantity,
        "unit_price": product.price,
        "line_total": product.price * quantity,
        "available": product.stock,
        "url": f"/products/{product.sku}",
        "problem": problem if quantity > product.stock else "",
        "image": product.image,
    }
