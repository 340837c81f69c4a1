"""The checkout: what its page shows, and what happens when its form is sent. Knows no HTML.

The order of things is what makes it safe. What a page showed is in the form's token; the session is saved and the cart
has a note before the order is committed; after the commit nothing can fail any more that would be told as a failure.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pyramid.httpexceptions import HTTPConflict
from pyramid.request import Request
from sqlalchemy.exc import SQLAlchemyError

from shopapp.cart.contents import (
    TRY_AGAIN,
    Cart,
    Line,
    OrdersUnavailable,
    existing_cart,
    quantities,
    show,
)
from shopapp.cart.ids import CartId
from shopapp.cart.refusals import CartBusyError
from shopapp.cart.store import cart_store
from shopapp.catalog.memory import catalogue_of
from shopapp.catalog.store import products_by_sku
from shopapp.events import CheckoutRefused, OrderPlaced
from shopapp.http import InvalidFormError, RefusedError, unsure_from_here
from shopapp.mail.outbox import wake
from shopapp.orders.amounts import Amounts, amounts_of
from shopapp.orders.form_tokens import FormToken, NotOurFormError, cart_mark
from shopapp.orders.forms import RELOAD, CheckoutForm
from shopapp.orders.models import Order
from shopapp.orders.payment import PROVIDER
from shopapp.orders.store import (
    OtherContentsError,
    Purchase,
    ShortError,
    TotalChangedError,
    order_of_form,
    place,
    same_order,
)
from shopapp.redis import StoreUnavailable
from shopapp.sessions import save, session_was_replaced
from shopapp.throttle.tries import Tries

CART_EMPTY = "Your cart is empty, so there is nothing to order."
CART_BUSY = "This cart is being ordered in another tab at this moment. Please look at your cart."
CART_CHANGED = "Your cart is not the one that this page showed any more. Please look at it again before you order."
TOTAL_CHANGED = "The total has risen since this page was made. Please look at it again before you order."
SHORT = "Not everything in your cart is there any more. Please change your cart before you order."
OTHER_CONTENTS = "This form was ordered before, with other contents. Please load the page again."
OTHER_PERSON = "This page was made for another account. Please load it again."

DRAFT = "checkout"
"""The session's key for what was typed into a checkout that could not be finished yet."""

log = logging.getLogger(__name__)


class SignedOutError(Exception):
    """The page was made for somebody who is not signed in any more. Nothing was ordered."""


@dataclass(frozen=True)
class Review:
    """What the checkout shows: the cart as the database has it now, what of it can be had, and what that costs."""

    held: Mapping[str, int]
    cart: Cart
    lines: list[Line]
    """Those of which anything can be had, with as many units as can."""
    amounts: Amounts

    @property
    def changes(self) -> list[dict[str, Any]]:
        """What stands in the cart and cannot be had as it stands there."""
        return [
            {"sku": line.sku, "name": line.name, "available": line.available, "message": line.problem}
            for line in self.cart.problems
        ]


def review(request: Request) -> Review:
    """Read the cart, and its prices and stock from the database itself. Raises StoreUnavailable."""
    held = quantities(request)
    with catalogue_of(request).connect() as connection:
        cart = show(request, held, products_by_sku(connection, held))
    lines = [replace(line, quantity=line.obtainable) for line in cart.lines if line.obtainable]
    return Review(held, cart, lines, amounts_of(lines, request.registry["shopapp.settings"].shop))


def new_token(request: Request, seen: Review) -> str:
    """Return the token of a form on a page that shows this."""
    identity = request.identity
    return FormToken.new(identity.user_id if identity else None, seen.held).sign(_secrets(request))


def submit(request: Request, form: CheckoutForm) -> tuple[Order, bool]:
    """Order what the form says; return the order, and whether it is new: False for one that was placed by it before.

    Raises InvalidFormError, RefusedError, SignedOutError, HTTPConflict, TooOftenError and StoreUnavailable: in each
    case nothing was ordered and nothing changed.
    """
    try:
        return _submit(request, form)
    except (InvalidFormError, RefusedError, SignedOutError, HTTPConflict) as error:
        request.registry.notify(CheckoutRefused(request, _reason(error)))
        raise


def _submit(request: Request, form: CheckoutForm) -> tuple[Order, bool]:
    identity, token = request.identity, _token(request, form)
    if identity is None and token and token.user_id is not None:
        raise SignedOutError  # before the form is judged: it has not asked for an address of mail
    if not form.validate() or token is None:
        if token is None:
            form.form.errors = [RELOAD]
        raise InvalidFormError(form)
    if identity and token.user_id not in (None, identity.user_id):
        raise RefusedError("conflict", OTHER_PERSON)
    purchase = _purchase(request, form, token)
    try:
        order, is_new = _place(request, token, purchase)
    except OtherContentsError:
        raise RefusedError("conflict", OTHER_CONTENTS) from None
    except TotalChangedError as error:
        raise RefusedError("total_changed", TOTAL_CHANGED, total=error.total) from None
    except ShortError as error:
        there = {sku: stock or 0 for sku, stock in error.available.items()}
        raise RefusedError("short", SHORT, available=there) from None
    cart = existing_cart(request)
    if cart:
        _take_out(request, cart, purchase.form, {line.sku: line.quantity for line in order.lines})
    if is_new:
        wake(request.registry)
        request.registry.notify(OrderPlaced(request, order.number, order.total, order.user_id))
    return order, is_new


def bought(request: Request, form: str) -> dict[str, int] | None:
    """Return what the order of this form has bought, sku to quantity, for a cart that has a note of it.

    Raises OrdersUnavailable.
    """
    try:
        order = order_of_form(request.registry["shopapp.sessionmaker"], form)
    except SQLAlchemyError as error:
        log.error("orders_not_read error=%r", error)
        raise OrdersUnavailable from error
    return {line.sku: line.quantity for line in order.lines} if order else None


def _reason(error: Exception) -> str:
    if isinstance(error, RefusedError):
        return error.code
    return {InvalidFormError: "invalid", SignedOutError: "signed_out"}.get(type(error), "conflict")


def _token(request: Request, form: CheckoutForm) -> FormToken | None:
    """Return the form's token; None if no page of ours has it."""
    try:
        return FormToken.read(form.form.data or "", _secrets(request))
    except NotOurFormError:
        return None


def _purchase(request: Request, form: CheckoutForm, token: FormToken) -> Purchase:
    """Read the cart: before the look whether this form was ordered, so that an order that the look does not see has not
    taken anything out of it.
    """
    return Purchase(
        form=token.name,
        fingerprint=form.fingerprint(),
        user_id=request.identity.user_id if request.identity else None,
        buyer=form.buyer(),
        lines=quantities(request),
        accept_total=form.accepted(),
        payment=request.registry[PROVIDER].name,
    )


def _place(request: Request, token: FormToken, purchase: Purchase) -> tuple[Order, bool]:
    sessions, settings = request.registry["shopapp.sessionmaker"], request.registry["shopapp.settings"]
    order = order_of_form(sessions, token.name)
    if order:
        return same_order(order, purchase.fingerprint), False
    if session_was_replaced(request):
        raise HTTPConflict(TRY_AGAIN)
    cart = existing_cart(request)
    if not purchase.lines or cart is None:
        raise RefusedError("cart_empty", CART_EMPTY)
    if cart_mark(purchase.lines) != token.cart:
        raise RefusedError("total_changed", CART_CHANGED, total=review(request).amounts.total)
    if purchase.user_id is None:
        Tries(request, "checkout").by_address("checkout").by_guest(purchase.buyer["email"])
    request.session.pop(DRAFT, None)  # what is ordered need not be typed again
    save(request)  # now: a save that fails must not follow an order
    try:
        noted = cart_store(request).note_order(cart, token.name, purchase.lines)
    except CartBusyError:
        raise RefusedError("conflict", CART_BUSY) from None
    if purchase.user_id is None:
        name, path = "your cart, which is empty once it is ordered", request.route_path("cart")
    else:
        name, path = "your orders", request.route_path("orders")
    unsure_from_here(request, name, path, may_be_repeated=True)
    try:
        ordered = replace(purchase, cart_of=noted.user_id, cart_version=noted.version)
        return place(sessions, ordered, settings.shop)
    except (ShortError, TotalChangedError):
        _take_out(request, cart, token.name, {})  # the note alone
        raise


def _take_out(request: Request, cart: CartId, form: str, lines: Mapping[str, int]) -> None:
    """Empty the cart by what was bought. Where Redis is away, the note in the cart has it done at the next look."""
    try:
        cart_store(request).take_out(cart, form, lines)
    except StoreUnavailable as error:
        log.warning("cart_not_emptied owner=%s error=%r", cart.owner, str(error))


def _secrets(request: Request) -> tuple[str, ...]:
    secrets: tuple[str, ...] = request.registry["shopapp.settings"].sessions.secrets
    return secrets
