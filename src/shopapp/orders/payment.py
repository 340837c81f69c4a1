"""How an order is paid: one small interface, and the provider that is built.

docs/orders.md says where a card provider's redirect and webhook would come in.
"""

import logging
from typing import Protocol

from pyramid.request import Request

from shopapp.orders.models import Order

log = logging.getLogger(__name__)

PROVIDER = "shopapp.payment"
"""Where in the registry the app's :class:`PaymentProvider` is. One that is there before this part is included stays."""


class PaymentProvider(Protocol):
    """Takes an order's money. What it does happens after the order is stored: if it fails, the order stands."""

    name: str
    """Stored with each order: 20 characters at most."""
    label: str
    """What people read before they order, such as "by invoice"."""

    def begin(self, order: Order) -> str | None:
        """Return the URL where the person pays now; None if there is nothing to do now. Called again when the same
        form is sent again, so it must answer the same for the same order.
        """


def pay_url(request: Request, order: Order) -> str | None:
    """Return where the person pays now; None if there is nothing to do now, or the provider fails: the order stands."""
    provider: PaymentProvider = request.registry[PROVIDER]
    try:
        return provider.begin(order)
    except Exception:
        log.exception("payment_not_begun order=%s provider=%s", order.number, provider.name)
        return None


class Invoice:
    """The bill comes with the parcel."""

    name = "invoice"
    label = "by invoice, which comes with the parcel"

    def begin(self, order: Order) -> None:
        """Nothing is to be done now."""
