"""What becomes of a cart when its visitor signs in."""

from collections.abc import Iterable

from pyramid.request import Request

from shopapp.cart.contents import VISITOR_CART, cart_store
from shopapp.cart.store import CartId
from shopapp.catalog.store import products_by_sku
from shopapp.events import CartMerged, UserLoggedIn
from shopapp.sessions import session_name


def on_user_logged_in(event: UserLoggedIn) -> None:
    """Move the visitor's cart into the person's. Part of the login: an error fails it."""
    request = event.request
    if VISITOR_CART not in request.session:
        return
    visitor, person = CartId.of_session(session_name(request)), CartId.of_user(event.user_id)
    lines, cut = cart_store(request).merge(visitor, person, lambda skus: _stock_of(request, skus))
    del request.session[VISITOR_CART]
    if lines:
        request.registry.notify(CartMerged(request, event.user_id, lines, cut))


def on_cart_merged(event: CartMerged) -> None:
    """Tell the person, who may have had other things in their cart."""
    products = "1 product" if event.lines == 1 else f"{event.lines} products"
    shortage = " Where we do not have as many, the quantity is lower now." if event.cut else ""
    event.request.session.flash(f"{products} from your visit came along into your cart.{shortage}", "info")


def _stock_of(request: Request, skus: Iterable[str]) -> dict[str, int]:
    return {sku: product.stock for sku, product in products_by_sku(request.dbsession, skus).items()}
