"""What the fields of a cart's hash mean: each is a line, sku to quantity, or a mark of our own. Knows no Redis.

Fields that begin with a colon are marks: no sku does.
"""

from collections.abc import Mapping

MOVED = b":moved"
"""The field that says where a cart has moved to."""
MOVE = b":move"
"""The field that names a move of a cart, so that it is made once."""
VERSION, COPIED, UNREAD = b":version", b":copied", b":unread"
"""The fields of a person's cart that say which version it is, which was copied, and that a copy may be waiting."""

ORDER = b":order:"
"""How the field begins that says that this cart is being ordered: then the name of the checkout form. It is there from
before the order is stored until what was bought is out of the cart, and holds the time in seconds since 1970."""
ORDERING_SECONDS = 10
"""So long does a note keep other forms from ordering the same cart. Longer than any order takes that does not fail."""


def pairs(flat: list[bytes]) -> dict[bytes, bytes]:
    """Return a cart's fields as a script answers them, name and value in turn, as a dict."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def as_quantities(held: Mapping[bytes, bytes]) -> dict[str, int]:
    """Return the lines of a cart, sku to quantity, without our own marks and without what can be no line."""
    lines = ((sku, quantity) for sku, quantity in sorted(held.items()) if _is_line(sku, quantity))
    return {sku.decode(): int(quantity) for sku, quantity in lines}


def version_in(held: Mapping[bytes, bytes]) -> int:
    """Return the version of a person's cart; 0 if it has none."""
    version = held.get(VERSION, b"")
    return int(version) if version.isdigit() else 0


def orders_in(held: Mapping[bytes, bytes]) -> dict[str, int]:
    """Return the orders of which a cart has a note: the checkout form's name, and since when in seconds since 1970."""
    notes = ((field, began) for field, began in held.items() if field.startswith(ORDER))
    return {field.removeprefix(ORDER).decode(): int(began) if began.isdigit() else 0 for field, began in notes}


def note_of(form: str) -> bytes:
    """Return the field that says that the checkout form of this name is ordering the cart."""
    return ORDER + form.encode()


def _is_line(sku: bytes, quantity: bytes) -> bool:
    return sku.isascii() and not sku.startswith(b":") and quantity.isdigit() and len(quantity) <= 9
