"""What the forms of the cart do: each checks its form, is one atomic command, and tells the event."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyramid.httpexceptions import HTTPBadRequest, HTTPConflict
from pyramid.request import Request

from shopapp.cart.contents import cart_to_fill, existing_cart, keep_cart, quantities
from shopapp.cart.forms import SetForm
from shopapp.cart.offers import note_removed
from shopapp.cart.refusals import CartLimitError, PressUsedError, ShortError
from shopapp.cart.store import cart_store
from shopapp.catalog.forms import NOT_A_PRESS, PRESS, AddForm
from shopapp.catalog.memory import catalogue_of
from shopapp.catalog.views import NO_SUCH_PRODUCT, product_or_404
from shopapp.events import CartItemAdded, CartItemRemoved
from shopapp.http import InvalidFormError, NoSuchThingError, RefusedError, unsure_from_here, wants_json

OTHER_CONTENTS = "This was sent before with other contents. Please load the page and try again."


def add_to_cart(request: Request, form: AddForm) -> dict[str, int]:
    """Add what the form says and return the new cart.

    Sent again under the same name (the field ``press``, or a program's header Idempotency-Key) it adds nothing more.
    Raises NoSuchThingError, InvalidFormError, RefusedError for more than there is, and HTTPConflict for a name that was
    another add's.
    """
    if not form.validate():
        raise InvalidFormError(form)
    product = product_or_404(request, form.sku.data)
    press, quantity = form.press.data or _idempotency_key(request), form.quantity.data
    cart = cart_to_fill(request)
    with _refusals(request, form):
        held, is_repeated = cart_store(request).add(cart, product.sku, quantity, stock=product.stock, press=press)
    keep_cart(request, cart)
    if not is_repeated:
        request.registry.notify(CartItemAdded(request, product.sku, quantity))
    return held


def set_in_cart(request: Request, form: SetForm) -> dict[str, int]:
    """Set what the form says and return the new cart.

    Raises NoSuchThingError, InvalidFormError, and RefusedError for more than there is.
    """
    sku = request.matchdict["sku"]
    product = catalogue_of(request).product(sku)
    if product is None and sku not in quantities(request):
        raise NoSuchThingError(NO_SUCH_PRODUCT)
    if not form.validate():
        raise InvalidFormError(form)
    if form.quantity.data == 0:
        return _remove(request, sku)
    cart = cart_to_fill(request)
    with _refusals(request, form):
        held = cart_store(request).set(cart, sku, form.quantity.data, stock=product.stock if product else 0)
    keep_cart(request, cart)
    return held


def _remove(request: Request, sku: str) -> dict[str, int]:
    cart = existing_cart(request)
    if cart is None:
        return {}
    _unsure(request)
    held, removed = cart_store(request).remove(cart, sku)
    if removed:
        request.registry.notify(CartItemRemoved(request, sku))
        if not wants_json(request):  # a program has what it needs in the answer
            note_removed(request, sku, removed)
    return held


@contextmanager
def _refusals(request: Request, form: AddForm | SetForm) -> Iterator[None]:
    """Tell in the words of HTTP what the store refused."""
    _unsure(request)
    try:
        yield
    except CartLimitError as error:
        form.quantity.errors = [str(error)]
        raise InvalidFormError(form) from error
    except ShortError as error:
        message = str(error)
        raise RefusedError("short", message, {"quantity": message}, available=error.available) from error
    except PressUsedError as error:
        raise HTTPConflict(OTHER_CONTENTS) from error


def _unsure(request: Request) -> None:
    unsure_from_here(request, "your cart", request.route_path("cart"))


def _idempotency_key(request: Request) -> str:
    """Return the header's text, with or without the quotes of a structured field. Raises HTTPBadRequest."""
    key: str = request.headers.get("Idempotency-Key", "")
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if key and not PRESS.fullmatch(key):
        raise HTTPBadRequest(f"Idempotency-Key: {NOT_A_PRESS}")
    return key
