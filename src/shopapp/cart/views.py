"""The pages of the cart: look, add, set. A change is one atomic command, and the answer shows what came of it."""

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from shopapp.cart.contents import Cart, cart_store, cart_to_fill, existing_cart, keep_cart, quantities, show
from shopapp.cart.forms import SetForm
from shopapp.cart.store import CartLimitError
from shopapp.catalog.forms import AddForm
from shopapp.catalog.snapshots import ProductSnapshot
from shopapp.catalog.views import PRODUCT_PAGE, product_or_404, product_page
from shopapp.events import CartItemAdded, CartItemRemoved
from shopapp.http import InvalidFormError, submitted

CART_PAGE = "shopapp:cart/templates/cart.jinja2"


@view_config(route_name="cart", request_method="GET", accept="text/html", renderer=CART_PAGE)
def show_cart(request: Request) -> dict[str, Any]:
    """The cart's page."""
    return {"cart": show(request, quantities(request)), "errors": {}}


@view_config(route_name="cart", request_method="GET", accept="application/json", renderer="json")
def show_cart_json(request: Request) -> Cart:
    """The cart as JSON."""
    return show(request, quantities(request))


@view_config(route_name="cart_items", request_method="POST", accept="text/html", renderer=PRODUCT_PAGE)
def add_item(request: Request) -> dict[str, Any] | Response:
    """Add a product from a form: 303 to the cart, or the product's page with the error beside the field."""
    form = AddForm(submitted(request))
    product = product_or_404(request, form.sku.data) if form.sku.data else None
    held = _add(request, form)
    if product and held is not None:
        # Said once, however often it happens before a page shows it.
        request.session.flash(*_added(product, held[product.sku]), allow_duplicate=False)
        return HTTPSeeOther(request.route_path("cart"))
    if product is None:
        raise InvalidFormError(form)
    request.response.status_int = 422
    return product_page(request, product, form)


@view_config(route_name="cart_items", request_method="POST", accept="application/json", renderer="json")
def add_item_json(request: Request) -> Cart:
    """Add a product by JSON; answers the whole cart. Raises NoSuchThingError, InvalidFormError."""
    form = AddForm(submitted(request))
    held = _add(request, form)
    if held is None:
        raise InvalidFormError(form)
    return show(request, held)


@view_config(route_name="cart_item", request_method="POST", accept="text/html", renderer=CART_PAGE)
def set_item(request: Request) -> dict[str, Any] | Response:
    """Set a line's quantity from a form: 303 to the cart, or the cart's page with the error beside the line.

    Raises NoSuchThingError, and InvalidFormError where the cart has no such line to show the error beside.
    """
    form = SetForm(submitted(request))
    if _set(request, form) is not None:
        return HTTPSeeOther(request.route_path("cart"))
    sku, held = request.matchdict["sku"], quantities(request)
    if sku not in held:
        raise InvalidFormError(form)
    request.response.status_int = 422
    return {"cart": show(request, held), "errors": {sku: form.quantity.errors[0]}}


@view_config(route_name="cart_item", request_method="POST", accept="application/json", renderer="json")
def set_item_json(request: Request) -> Cart:
    """Set a line's quantity by JSON; answers the whole cart. Raises NoSuchThingError, InvalidFormError."""
    form = SetForm(submitted(request))
    held = _set(request, form)
    if held is None:
        raise InvalidFormError(form)
    return show(request, held)


def _add(request: Request, form: AddForm) -> dict[str, int] | None:
    """Add what the form says and return the new cart; None, with the form's errors filled in, if that cannot be."""
    if not form.validate():
        return None
    product = product_or_404(request, form.sku.data)
    cart = cart_to_fill(request)
    try:
        held = cart_store(request).add(cart, product.sku, form.quantity.data)
    except CartLimitError as error:
        form.quantity.errors = [str(error)]
        return None
    keep_cart(request, cart)
    request.registry.notify(CartItemAdded(request, product.sku, form.quantity.data))
    return held


def _set(request: Request, form: SetForm) -> dict[str, int] | None:
    """Set what the form says and return the new cart; None, with the form's errors filled in, if that cannot be."""
    sku, quantity = request.matchdict["sku"], form.quantity.data
    before = quantities(request)
    if sku not in before:
        product_or_404(request, sku)
    if not form.validate():
        return None
    if quantity == 0:
        # Only from a cart that shows it: one that has moved on is somebody's own by now.
        cart = existing_cart(request) if sku in before else None
        held = cart_store(request).set(cart, sku, 0) if cart else before
        if sku in before:
            request.registry.notify(CartItemRemoved(request, sku))
        return held
    cart = cart_to_fill(request)
    try:
        held = cart_store(request).set(cart, sku, quantity)
    except CartLimitError as error:
        form.quantity.errors = [str(error)]
        return None
    keep_cart(request, cart)
    return held


def _added(product: ProductSnapshot, quantity: int) -> tuple[str, str]:
    """What to tell about ``quantity`` units of a product in the cart: the message and its queue."""
    if quantity <= product.stock:
        return f"{product.name} is in your cart.", "success"
    shortage = f"only {product.stock} are left" if product.stock else "it is sold out at the moment"
    return f"{product.name} is in your cart, but {shortage}.", "info"
