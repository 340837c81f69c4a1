"""What becomes of a cart when its visitor signs in.

The visitor's cart is noted when the person is known, and moved when their session is stored under its new id: before
that, whoever holds the visitor's cookie could reach the person's cart through it.
"""

from collections.abc import Iterable

from pyramid.request import Request

from shopapp.cart.contents import VISITOR_CART
from shopapp.cart.ids import CartId
from shopapp.cart.store import cart_store
from shopapp.catalog.memory import catalogue_of
from shopapp.events import (
    CartMerged,
    LoginRepeated,
    SessionEnded,
    SessionExtended,
    SessionRotated,
    SessionStarted,
    UserLoggedIn,
)
from shopapp.sessions import presented_name


def on_user_logged_in(event: UserLoggedIn) -> None:
    """Note the visitor's cart, by the cookie: also if there is none yet, for a request on its way may be making it, and
    also if the session is over, for a login may have failed half-way.
    """
    name = presented_name(event.request)
    if name:
        event.request.visitors_cart = CartId.of_session(name)


def on_session_started(event: SessionStarted) -> None:
    """Move the visitor's cart into that of the person whose session this is."""
    _move(event.request, event.user_id)


def on_session_rotated(event: SessionRotated) -> None:
    """Move the visitor's cart into that of the person who logged in in the visitor's session."""
    if event.reason == "login":
        _move(event.request, event.user_id)


def on_login_repeated(event: LoginRepeated) -> None:
    """Move the visitor's cart once more: the first sign-in may have failed before it did. Twice is as good as once."""
    _move(event.request, event.user_id)


def on_cart_merged(event: CartMerged) -> None:
    """Tell the person, who may have had other things in their cart."""
    words = []
    if event.lines:
        words.append(f"{_products(event.lines)} from your visit came along into your cart.")
    if event.cut:
        words.append("Where we do not have as many, the quantity is lower now.")
    if event.left_out:
        most = event.request.registry["shopapp.settings"].shop.cart_max_lines
        words.append(
            f"{_products(event.left_out)} from your visit did not fit: a cart holds at most {most} different products."
        )
    event.request.session.flash(" ".join(words), "info")


def on_session_extended(event: SessionExtended) -> None:
    """Have a visitor's cart live as long as the session that names it."""
    if event.user_id is None and VISITOR_CART in event.request.session:
        cart_store(event.request).keep(CartId.of_session(event.handle, event.seconds))


def on_session_ended(event: SessionEnded) -> None:
    """Throw the visitor's cart away with the session. One that was found to have run out had no longer to live."""
    if event.user_id is None and event.reason not in ("idle", "absolute"):
        cart_store(event.request).forget(CartId.of_session(event.handle))


def _products(number: int) -> str:
    return "1 product" if number == 1 else f"{number} products"


def _move(request: Request, user_id: int | str | None) -> None:
    """Move the cart that was noted. An error fails the request; the next login tries again."""
    name = request.session.get(VISITOR_CART)
    visitor = CartId.of_session(name) if name else getattr(request, "visitors_cart", None)
    if visitor is None or user_id is None:
        return
    merged = cart_store(request).merge(visitor, CartId.of_user(user_id), lambda skus: _stock_of(request, skus))
    request.session.pop(VISITOR_CART, None)
    if merged.lines or merged.left_out:
        request.registry.notify(CartMerged(request, user_id, merged.lines, merged.cut, merged.left_out))


def _stock_of(request: Request, skus: Iterable[str]) -> dict[str, int]:
    return {sku: product.stock for sku, product in catalogue_of(request).products(skus).items()}
