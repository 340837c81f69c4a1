"""A cart as people see it: quantities from Redis, names and prices from the catalogue, sums in minor units."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.httpexceptions import HTTPConflict
from pyramid.request import Request

from shopapp.accounts.security import Identity
from shopapp.cart.copies import COPIES, Copies, CopiesUnavailable
from shopapp.cart.copying import owes_copy
from shopapp.cart.fields import UNREAD, as_quantities, orders_in, version_in
from shopapp.cart.guesses import guesses_of
from shopapp.cart.ids import CartId
from shopapp.cart.store import cart_store, reading
from shopapp.catalog.memory import catalogue_of
from shopapp.catalog.snapshots import ProductSnapshot
from shopapp.redis import StoreUnavailable
from shopapp.sessions import came_along, cut_off_name, save, seconds_left, session_name, session_was_replaced
from shopapp.throttle.tries import admit_cart

TRY_AGAIN = "You have just signed in, or your session was renewed, in another tab. Please load the page and try again."

VISITOR_CART = "cart"
"""The session's key for the name of this visitor's cart: it keeps the session, and with it the cart, alive."""

HELD = "shopapp.cart.held"
"""Where in a request's attributes the quantities of its cart are, once they are known."""

BOUGHT = "shopapp.cart.bought"
"""Where in the registry the function is that knows orders: :data:`Bought`."""

Bought = Callable[[Request, str], Mapping[str, int] | None]
"""Returns what the order of this checkout form has bought, sku to quantity; None if there is no such order. Raises
OrdersUnavailable."""

FAILED_SECONDS = 600
"""Longer than any order can be on its way. A note that is older, and of no order, is of one that failed."""

log = logging.getLogger(__name__)


class OrdersUnavailable(Exception):
    """Nobody can say at the moment what was ordered."""


@dataclass(frozen=True)
class Line:
    """One product in a cart. ``available`` is how many units are in stock.

    A product that left the catalogue is known by its sku alone: it has neither a picture nor a price any more.
    """

    sku: str
    name: str
    quantity: int
    unit_price: int
    available: int
    picture: str
    """The path of its picture."""
    url: str

    @property
    def obtainable(self) -> int:
        """Units that can be had."""
        return min(self.quantity, self.available)

    @property
    def line_total(self) -> int:
        """Price, in minor units, of what can be had."""
        return self.unit_price * self.obtainable

    @property
    def problem(self) -> str:
        """What stands against buying this line, for the person; empty if nothing does."""
        if not self.picture:
            return "This is no longer sold."
        if self.available == 0:
            return "Sold out at the moment."
        if self.quantity > self.available:
            return f"Only {self.available} left."
        return ""


@dataclass(frozen=True)
class Cart:
    """The lines of a cart and their sums."""

    lines: list[Line]
    currency: str

    @property
    def count(self) -> int:
        """Units in all lines, whether they can be had or not: what the person has put in."""
        return sum(line.quantity for line in self.lines)

    @property
    def obtainable(self) -> int:
        """Units that can be had: what ``total`` counts, and what is there to buy."""
        return sum(line.obtainable for line in self.lines)

    @property
    def problems(self) -> list[Line]:
        """The lines that are short or gone, each of which says what is the matter with it."""
        return [line for line in self.lines if line.problem]

    @property
    def ready(self) -> bool:
        """Whether it can be bought as it is: there is something in it, and nothing stands against any line."""
        return bool(self.lines) and not self.problems

    @property
    def total(self) -> int:
        """Price, in minor units, of what can be had."""
        return sum(line.line_total for line in self.lines)

    def __json__(self, _request: Request) -> dict[str, Any]:
        names = ("sku", "name", "quantity", "unit_price", "line_total", "available", "url", "problem")
        lines = [{name: getattr(line, name) for name in names} for line in self.lines]
        return {"lines": lines, "count": self.count, "total": self.total, "currency": self.currency}


def visitors_cart(request: Request, name: str) -> CartId:
    """Return the cart of the visitor's session of this name, which lives as long as the request's session."""
    return CartId.of_session(name, seconds_left(request))


def existing_cart(request: Request) -> CartId | None:
    """Return whose cart this request sees, None for a visitor who has none.

    A visitor whose sign-in has failed half-way, so that their cookie opens nothing any more, still sees their cart
    until it is moved.
    """
    identity: Identity | None = request.identity
    if identity:
        return CartId.of_user(identity.user_id)
    name = request.session.get(VISITOR_CART) or cut_off_name(request)
    return visitors_cart(request, name) if name else None


def cart_to_fill(request: Request) -> CartId:
    """As :func:`existing_cart`, but a visitor who has none gets one: :func:`keep_cart` once it is filled.

    Raises HTTPConflict for a request that was on its way while somebody signed in: its cart is not that of the browser;
    and TooOftenError where visitors from the same network have begun too many.
    """
    if session_was_replaced(request):
        raise HTTPConflict(TRY_AGAIN)
    cart = existing_cart(request)
    if cart is None or (cart.owner == CartId.of_session(cut_off_name(request)).owner and not quantities(request)):
        cart = visitors_cart(request, session_name(request))
    if request.session.new:
        if not request.identity:
            admit_cart(request)  # before it is there: it would stay without the session
    else:
        keep_cart(request, cart)
        save(request)  # now: if that makes the request run again, nothing is in the cart yet that would be there twice
        if cart.user_id is None:
            cart = visitors_cart(request, cart.session_name)  # the session may have more time now
    return cart


def keep_cart(request: Request, cart: CartId) -> None:
    """Have a visitor's session know its cart. Not before there is one: a refused change starts no session."""
    if not request.identity:
        request.session[VISITOR_CART] = cart.session_name


def quantities(request: Request) -> dict[str, int]:
    """Return what is in the request's cart: sku to quantity, read once. No Redis command for a visitor without one."""
    held: dict[str, int] | None = request.__dict__.get(HELD)
    if held is None:
        cart = existing_cart(request)
        held = request.__dict__[HELD] = _read(request, cart) if cart else {}
    return held


def _read(request: Request, cart: CartId) -> dict[str, int]:
    fields = came_along(request, *reading(cart))
    if fields is None:
        guesses_of(request).learn(request, cart)
        fields = cart_store(request).fields(cart)
    if cart.user_id is not None:
        fields = _whole(request, cart, cart.user_id, fields)
    orders = orders_in(fields)
    return _settled(request, cart, orders, as_quantities(fields)) if orders else as_quantities(fields)


def _whole(request: Request, cart: CartId, user_id: int, fields: Mapping[bytes, bytes]) -> Mapping[bytes, bytes]:
    """Read a person's cart back that Redis has lost or set back; note one that was not copied yet, by a process that
    was killed.

    Set back is a cart that is older than its copy, which is asked at the first look in a while, and where an older
    version than before is seen.
    """
    copies: Copies = request.registry[COPIES]
    is_there, version = bool(fields) and UNREAD not in fields, version_in(fields)
    if is_there:
        known = copies.known(user_id)
        if owes_copy(fields):
            copies.note(user_id)
        copies.saw(user_id, version)  # also if the database is away: not every page shall wait for it
        if known is not None and known <= version:
            return fields
    elif copies.has_nothing(user_id):
        return fields
    try:
        copy = copies.read(user_id)
    except CopiesUnavailable:
        return fields
    if (copy is None and not fields) or (is_there and (copy is None or copy.version <= version)):
        return fields
    try:
        fields = cart_store(request).bring_back(cart.key, copy)
    except StoreUnavailable:  # Redis takes no writes: what was copied can be shown all the same
        lines = {sku.encode(): str(quantity).encode() for sku, quantity in (copy.lines if copy else {}).items()}
        return lines if is_there else lines | dict(fields)
    copies.saw(user_id, version_in(fields))
    return fields


def _settled(request: Request, cart: CartId, orders: Mapping[str, int], held: dict[str, int]) -> dict[str, int]:
    """Take out what was bought where that could not be done when it was, and return what is left.

    An order that is not stored yet may still be on its way.
    """
    bought: Bought = request.registry[BOUGHT]
    for form, began in orders.items():
        try:
            lines = bought(request, form)
        except OrdersUnavailable:
            break  # the next look may know
        if lines is not None or time.time() - began > FAILED_SECONDS:
            held = cart_store(request).take_out(cart, form, lines or {})
            log.info("cart_settled owner=%s order_there=%s", cart.owner, lines is not None)
    return held


def show(request: Request, held: Mapping[str, int], products: Mapping[str, ProductSnapshot] | None = None) -> Cart:
    """Return the cart that holds ``held``. A product that left the catalogue stays, without a price, and says so.

    ``products``: as somebody has just read them, sku to product, where what this process remembers is not good enough.
    """
    if products is None:
        products = catalogue_of(request).products(held)
    lines = [_line(request, sku, quantity, products.get(sku)) for sku, quantity in held.items()]
    lines.sort(key=lambda line: (line.name, line.sku))
    return Cart(lines, request.registry["shopapp.settings"].shop.currency)


def _line(request: Request, sku: str, quantity: int, product: ProductSnapshot | None) -> Line:
    url = request.route_path("product", sku=sku)
    if product is None:
        return Line(sku, sku, quantity, 0, 0, "", url)
    picture = request.static_path(product.picture)
    return Line(sku, product.name, quantity, product.price, product.stock, picture, url)
