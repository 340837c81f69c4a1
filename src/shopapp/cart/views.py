"""The pages of the cart: look, add, set. A change is one atomic command, and the answer shows what came of it."""

from collections.abc import Sequence
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from shopapp.cart.changes import add_to_cart, set_in_cart
from shopapp.cart.contents import Cart, Line, quantities, show
from shopapp.cart.forms import SetForm
from shopapp.cart.offers import Offer, offer_after_refusal, take_removed
from shopapp.catalog.forms import AddForm
from shopapp.catalog.views import PRODUCT_PAGE, product_or_404, product_page
from shopapp.http import InvalidFormError, RefusedError, submitted

CART_PAGE = "shopapp:cart/templates/cart.jinja2"


@view_config(route_name="cart", request_method="GET", accept="text/html", renderer=CART_PAGE)
def show_cart(request: Request) -> dict[str, Any]:
    """The cart's page. What was removed just now keeps its place among the lines, to be put back."""
    held = quantities(request)
    removed = take_removed(request) if request.method == "GET" else ()  # what answers HEAD is not seen by anybody
    return _cart_page(request, held, offers=removed)


@view_config(route_name="cart", request_method="GET", accept="application/json", renderer="json")
def show_cart_json(request: Request) -> Cart:
    """The cart as JSON."""
    return show(request, quantities(request))


@view_config(route_name="cart_items", request_method="GET")
@view_config(route_name="cart_item", request_method="GET")
def lead_on(request: Request) -> Response:
    """What a browser shows after a form that failed has the form's address; opened again it leads to the cart."""
    return HTTPSeeOther(request.route_path("cart"))


@view_config(route_name="cart_items", request_method="POST", accept="text/html", renderer=PRODUCT_PAGE)
def add_item(request: Request) -> dict[str, Any] | Response:
    """Add a product from a form: 303 to the cart, or the product's page with the error beside the field.

    Raises NoSuchThingError, HTTPConflict, and InvalidFormError where no field of the page has the error.
    """
    form = AddForm(submitted(request))
    if not form.sku.data:
        form.validate()
        raise InvalidFormError(form)
    product = product_or_404(request, form.sku.data)
    try:
        held = add_to_cart(request, form)
    except InvalidFormError:
        if not form.quantity.errors:
            raise
        request.response.status_int = 422
        return product_page(request, product, form)
    except RefusedError as error:
        form.quantity.errors = [error.message]
        request.response.status_int = 409
        return product_page(request, product, form)
    if product.sku in held:  # what came once more may be out of the cart again
        # Said once, however often it happens before a page shows it.
        request.session.flash(f"{product.name} is in your cart.", "success", allow_duplicate=False)
    return HTTPSeeOther(request.route_path("cart"))


@view_config(route_name="cart_items", request_method="POST", accept="application/json", renderer="json")
def add_item_json(request: Request) -> Cart:
    """Add a product by JSON; answers the whole cart. Raises what :func:`add_to_cart` does."""
    return show(request, add_to_cart(request, AddForm(submitted(request))))


@view_config(route_name="cart_item", request_method="POST", accept="text/html", renderer=CART_PAGE)
def set_item(request: Request) -> dict[str, Any] | Response:
    """Set a line's quantity from a form: 303 to the line in the cart, or the cart's page with the error beside it.

    Raises NoSuchThingError, and InvalidFormError where the cart has no such line to show the error beside.
    """
    form, sku = SetForm(submitted(request)), request.matchdict["sku"]
    try:
        set_in_cart(request, form)
    except InvalidFormError as error:
        held = quantities(request)
        if sku not in held:
            raise
        request.response.status_int = 422
        return _cart_page(request, held, errors={sku: error.fields["quantity"]})
    except RefusedError as error:
        held = quantities(request)
        request.response.status_int = 409
        if sku in held:
            return _cart_page(request, held, errors={sku: error.message})
        return _cart_page(request, held, offers=[offer_after_refusal(request, sku, error.facts["available"])])
    return HTTPSeeOther(f"{request.route_path('cart')}#line-{sku}")


@view_config(route_name="cart_item", request_method="POST", accept="application/json", renderer="json")
def set_item_json(request: Request) -> Cart:
    """Set a line's quantity by JSON; answers the whole cart. Raises what :func:`set_in_cart` does."""
    return show(request, set_in_cart(request, SetForm(submitted(request))))


def _cart_page(
    request: Request, held: dict[str, int], *, offers: Sequence[Offer] = (), errors: dict[str, str] | None = None
) -> dict[str, Any]:
    """What the page shows: the lines and the offers, which have the places that their lines would have."""
    cart = show(request, held)
    places: list[Line | Offer] = [*cart.lines, *(offer for offer in offers if offer.sku not in held)]
    places.sort(key=lambda place: (place.name, place.sku))
    return {"cart": cart, "places": places, "errors": errors or {}}
