"""The cart: what people mean to buy, in Redis."""

from pyramid.config import Configurator

from shopapp.audit import on_event
from shopapp.cart.copies import COPIES, Copies
from shopapp.cart.copying import Copier
from shopapp.cart.guesses import Guesses
from shopapp.cart.subscribers import (
    on_cart_merged,
    on_login_repeated,
    on_session_ended,
    on_session_extended,
    on_session_rotated,
    on_session_started,
    on_user_logged_in,
)
from shopapp.events import (
    CartItemAdded,
    CartItemRemoved,
    CartMerged,
    LoginRepeated,
    SessionEnded,
    SessionExtended,
    SessionRotated,
    SessionStarted,
    UserLoggedIn,
    add_observer,
)
from shopapp.sessions import read_along


def includeme(config: Configurator) -> None:
    """Install the pages of the cart, and what becomes of it at login."""
    config.add_route("cart", "/cart")
    config.add_route("cart_items", "/cart/items")
    config.add_route("cart_item", "/cart/items/{sku:[A-Za-z0-9-]{1,64}}")
    config.scan("shopapp.cart.views")
    guesses = config.registry["shopapp.cart.guesses"] = Guesses()
    read_along(config, guesses.question)
    copier = Copier(config.registry) if config.registry["shopapp.settings"].shop.cart_thread else None
    config.registry[COPIES] = Copies(config.registry["shopapp.sessionmaker"], copier.wake if copier else None)
    config.add_subscriber(on_user_logged_in, UserLoggedIn)
    config.add_subscriber(on_session_started, SessionStarted)
    config.add_subscriber(on_session_rotated, SessionRotated)
    config.add_subscriber(on_login_repeated, LoginRepeated)
    config.add_subscriber(on_session_extended, SessionExtended)
    config.add_subscriber(on_session_ended, SessionEnded)
    add_observer(config, on_cart_merged, CartMerged)
    for event in (CartItemAdded, CartItemRemoved, CartMerged):
        add_observer(config, on_event, event)
