"""What becomes of a cart when its visitor signs in."""

from shopapp.cart.contents import VISITOR_CART, cart_store
from shopapp.cart.store import CartId
from shopapp.events import CartMerged, UserLoggedIn
from shopapp.sessions import session_name


def on_user_logged_in(event: UserLoggedIn) -> None:
    """Move the visitor's cart into the person's. Part of the login: an error fails it, and the visitor keeps the cart."""
    request = event.request
    if VISITOR_CART not in request.session:
        return
    lines = cart_store(request).merge(CartId.of_session(session_name(request)), CartId.of_user(event.user_id))
    del request.session[VISITOR_CART]
    if lines:
        request.registry.notify(CartMerged(request, event.user_id, lines))


def on_cart_merged(event: CartMerged) -> None:
    """Tell the person, who may have had other things in their cart."""
    products = "1 product" if event.lines == 1 else f"{event.lines} products"
    event.request.session.flash(f"{products} from your visit came along into your cart.", "info")
