"""How an order is paid: one small interface, and the provider that is built.

docs/orders.md says where a card provider's redirect and webhook would come in.
"""

from typing import Protocol

from shopapp.orders.models import Order

PROVIDER = "shopapp.payment"
"""Where in the registry the app's :class:`PaymentProvider` is."""


class PaymentProvider(Protocol):
    """Takes an order's money. What it does happens after the order is stored, so it can fail without losing one."""

    name: str
    """Stored with each order: 20 characters at most."""
    label: str
    """What people read before they order, such as "by invoice"."""

    def begin(self, order: Order) -> str | None:
        """Return the URL where the person pays now; None if there is nothing to do now. Called again when the same
        form is sent again, so it must answer the same for the same order.
        """


class Invoice:
    """The bill comes with the parcel."""

    name = "invoice"
    label = "by invoice, which comes with the parcel"

    def begin(self, order: Order) -> None:
        """Nothing is to be done now."""
