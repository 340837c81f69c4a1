"""What an order costs: the goods, their delivery, and the tax that is in both. Integers in minor units."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from shopapp.settings.shop import ShopSettings


class Priced(Protocol):
    """A line of a cart or of an order."""

    @property
    def unit_price(self) -> int:
        """The price of one unit."""

    @property
    def quantity(self) -> int:
        """How many units."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """What an order costs. ``tax`` is a part of the total, not on top of it."""

    subtotal: int
    shipping: int
    tax: int

    @property
    def total(self) -> int:
        """What is to be paid."""
        return self.subtotal + self.shipping


def amounts_of(lines: Iterable[Priced], shop: ShopSettings) -> Amounts:
    """Add it up. From a price in the settings on delivery is free, and so is that of nothing."""
    lines = list(lines)
    subtotal = sum(line.unit_price * line.quantity for line in lines)
    is_free = not lines or (shop.free_delivery_from is not None and subtotal >= shop.free_delivery_from)
    shipping = 0 if is_free else shop.delivery_fee
    return Amounts(subtotal, shipping, tax_in(subtotal + shipping, shop.tax_rate))


def tax_in(total: int, rate: Decimal) -> int:
    """Return the tax that is in a total, at a rate in percent, rounded half up."""
    return int((total * rate / (100 + rate)).quantize(Decimal(1), ROUND_HALF_UP))
