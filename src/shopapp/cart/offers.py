"""What is offered in place of a line that is not in the cart: to put it back after it was removed.

A message is text, so what was removed waits in the session as text: how many of which product. It is not believed when
it is read: name, stock and address are those of the catalogue of that moment.
"""

import re
from dataclasses import dataclass

from pyramid.request import Request

from shopapp.catalog.memory import catalogue_of

REMOVED = "removed"
"""The session's queue of what was removed."""

_NOTE = re.compile(r"(?P<quantity>[1-9][0-9]{0,8}) (?P<sku>[A-Za-z0-9-]{1,64})")


@dataclass(frozen=True, slots=True)
class Offer:
    """What happened to a product that is not in the cart, and how many units the person may put in; 0 for none."""

    sku: str
    name: str
    message: str
    quantity: int
    button: str
    action: str
    """Where the form goes: to this product's line, and never elsewhere."""
    is_refusal: bool = False


def note_removed(request: Request, sku: str, quantity: int) -> None:
    """Have the next page tell that a line was removed, and offer to put it back."""
    request.session.flash(f"{quantity} {sku}", REMOVED, allow_duplicate=False)


def take_removed(request: Request) -> tuple[Offer, ...]:
    """Return the offers that wait in the session, for a page that shows them: they are not there any more."""
    notes = [_NOTE.fullmatch(note) for note in request.session.pop_flash(REMOVED) if isinstance(note, str)]
    return tuple(_undo(request, note["sku"], int(note["quantity"])) for note in notes if note)


def offer_after_refusal(request: Request, sku: str, available: int) -> Offer:
    """Return what to offer to whoever asked for more than there is of a product that is not in their cart."""
    name = _name(request, sku)
    if not available:
        return _offer(
            request, sku, f"{name} is sold out at the moment, so it is not in your cart.", 0, "", refusal=True
        )
    message = f"We have only {available} of {name} now, so nothing was put into your cart."
    return _offer(request, sku, message, available, f"Put {available} in", refusal=True)


def _undo(request: Request, sku: str, quantity: int) -> Offer:
    product = catalogue_of(request).product(sku)
    left = min(quantity, product.stock) if product else 0
    message = f"{_name(request, sku)} was removed."
    if left == quantity:
        return _offer(request, sku, message, quantity, "Undo")
    if left:
        return _offer(request, sku, f"{message} Only {left} of {quantity} are left.", left, f"Put {left} back")
    return _offer(request, sku, f"{message} There are none left.", 0, "")


def _offer(request: Request, sku: str, message: str, quantity: int, button: str, *, refusal: bool = False) -> Offer:
    action = request.route_path("cart_item", sku=sku)
    return Offer(sku, _name(request, sku), message, quantity, button, action, refusal)


def _name(request: Request, sku: str) -> str:
    product = catalogue_of(request).product(sku)
    return product.name if product else sku
