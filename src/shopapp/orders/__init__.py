"""Orders: the checkout, what was bought, and what becomes of it."""

from pyramid.config import Configurator

from shopapp.audit import on_event
from shopapp.cart.contents import BOUGHT
from shopapp.events import CheckoutRefused, EmailChanged, OrderPlaced, add_observer
from shopapp.orders.checkout import bought
from shopapp.orders.letters import add_letters
from shopapp.orders.payment import PROVIDER, Invoice
from shopapp.orders.store import keep_orders_of


def on_email_changed(event: EmailChanged) -> None:
    """Keep the orders that the person had by the old address: in the transaction of the change."""
    keep_orders_of(event.request.dbsession, int(event.user_id), event.old)


def includeme(config: Configurator) -> None:
    """Install the pages of checkout and orders, and what the cart asks of them."""
    config.add_route("checkout", "/checkout")
    config.add_route("orders", "/orders")
    config.add_route("order", "/orders/{number:[0-9 -]{1,20}}")
    config.scan("shopapp.orders.views")
    config.scan("shopapp.orders.order_views")
    config.registry[BOUGHT] = bought
    config.registry.setdefault(PROVIDER, Invoice())
    config.add_subscriber(on_email_changed, EmailChanged)
    add_letters(config)
    add_observer(config, on_event, OrderPlaced)
    add_observer(config, on_event, CheckoutRefused)
