"""Carts in Redis: one hash per cart, sku to quantity, changed by atomic commands only. Knows no prices and no HTTP.

A visitor's cart is filed under their session's name, a person's under their account. When a visitor signs in, the
contents move, and a marker is left behind, so that what a request on its way puts into the visitor's cart follows. It
only follows to put in: nobody sees a person's cart through it. Rubbish in place of a cart is an empty one.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any, cast

from pyramid.request import Request
from redis.exceptions import ResponseError

from shopapp.cart.copies import COPIES, Copies, CopiesUnavailable, Copy
from shopapp.cart.fields import (
    MOVE,
    MOVED,
    ORDER,
    ORDERING_SECONDS,
    as_quantities,
    note_of,
    orders_in,
    pairs,
    version_in,
)
from shopapp.cart.ids import MOVED_SECONDS, USER_SECONDS, CartId, presses_key, user_of
from shopapp.cart.refusals import CartBusyError, CartLimitError, PressUsedError, ShortError
from shopapp.cart.scripts.copies import BRING_BACK
from shopapp.cart.scripts.lines import ADD, REMOVE, SET
from shopapp.cart.scripts.moves import MERGE, TAKE
from shopapp.cart.scripts.orders import NOTE_ORDER, TAKE_OUT
from shopapp.redis import Client, Script, client_of, unavailable_on_error

NOTE_SECONDS = 2 * MOVED_SECONDS
"""Longer than a cart stays on its way."""
PRESS_SECONDS = 10 * 60
"""So long is a press known when it comes again: longer than anybody waits for an answer before sending once more."""
MOST_PRESSES = 32
"""Of one cart, the newest; more than a person can have on their way."""

LOST = (-1, b"lost")
"""What scripts answer first of a person's cart that is not there, not even as an empty one, or that is older than the
version that they are told is known."""
BEGINS = "1"
"""What they are told then in place of a version, when what there was is there again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Merged:
    """How many lines of a visitor's cart came along, how many of them were cut, and how many did not fit."""

    lines: int = 0
    cut: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class Noted:
    """Whose cart is being ordered, None for a visitor's, and which version of it."""

    user_id: int | None
    version: int


def reading(cart: CartId) -> tuple[str, str]:
    """Return the command that reads a cart, whose answer :func:`as_quantities` understands."""
    return "HGETALL", cart.key


def cart_store(request: Request) -> "CartStore":
    """Return the store of carts, with the limits of the settings."""
    shop = request.registry["shopapp.settings"].shop
    return CartStore(client_of(request), shop.cart_max_quantity, shop.cart_max_lines, request.registry[COPIES])


class CartStore:
    """All carts, within the limits of the settings. Every method raises StoreUnavailable if Redis cannot be reached."""

    def __init__(self, client: Client, max_quantity: int, max_lines: int, copies: Copies) -> None:
        self._client = client
        self._max_quantity = max_quantity
        self._max_lines = max_lines
        self._copies = copies

    def fields(self, cart: CartId) -> Mapping[bytes, bytes]:
        """Return all that the cart's hash holds, for :func:`as_quantities` and :func:`orders_in`."""
        with unavailable_on_error(self._client):
            try:
                held = cast("dict[bytes, bytes]", self._client.hgetall(cart.key))  # our clients decode nothing
            except ResponseError as error:
                if "WRONGTYPE" not in str(error):
                    raise
                log.warning("cart_is_rubbish owner=%s", cart.owner)
                held = {}
        return held

    def add(self, cart: CartId, sku: str, quantity: int, *, stock: int, press: str = "") -> tuple[dict[str, int], bool]:
        """Add ``quantity`` units to those already in the cart; return the new cart, and whether this was done before.

        ``press`` names the press of a button, or whatever else it was: of several adds with one name, that are the same
        in all else, the first counts. Raises CartLimitError, PressUsedError, and ShortError for more than ``stock``.
        """
        return self._change(ADD, cart, sku, quantity, stock, press)

    def set(self, cart: CartId, sku: str, quantity: int, *, stock: int) -> dict[str, int]:
        """Make ``quantity``, one at least, the units of ``sku``; return the new cart.

        Raises CartLimitError, and ShortError for more than ``stock``; who has more may still have less.
        """
        return self._change(SET, cart, sku, quantity, stock, "")[0]

    def remove(self, cart: CartId, sku: str) -> tuple[dict[str, int], int]:
        """Take a line out of the cart; return the new cart, and how many units there were."""
        with unavailable_on_error(self._client):
            remove, given = Script(self._client, REMOVE), (cart.key, sku, _or_for_ever(cart.seconds))
            removed, fields = self._once_it_is_there(cart.key, lambda begins: remove(*given, begins))
        self._has_changed(cart.key, pairs(fields))
        return as_quantities(pairs(fields)), removed

    def merge(self, visitor: CartId, person: CartId, stock_of: Callable[[Iterable[str]], Mapping[str, int]]) -> Merged:
        """Move the visitor's cart into the person's; return what came of it.

        Quantities add up to the units in stock and to the limit of a line at most, yet never to less than the person
        had, nor to nothing. Doing it twice, or again after a crash half-way, changes nothing more.
        """
        on_its_way = f"{visitor.key}:merging"
        with unavailable_on_error(self._client):
            take = Script(self._client, TAKE)
            keys = (visitor.key, on_its_way, presses_key(visitor.key))
            moved_to, fields, presses = take(keys, person.key, MOVED_SECONDS, token_urlsafe())
            taken = pairs(fields)
            lines = as_quantities(taken)
            # A login that failed half-way may have been another person's: then it is theirs, and is finished for them.
            target = moved_to.decode() or person.key
            if not lines:
                return Merged()
            stock = stock_of(lines)
            # Of what was ordered, and could not be taken out of the cart yet, the stock is less by that already.
            stock = {} if orders_in(taken) else stock
            most = {sku: min(self._max_quantity, max(1, stock.get(sku, self._max_quantity))) for sku in lines}
            triples: list[Any] = [part for sku, quantity in lines.items() for part in (sku, quantity, most[sku])]
            triples += [part for name, began in orders_in(taken).items() for part in (note_of(name), began, 0)]
            keys = (target, f"{target}:{taken.get(MOVE, b'unnamed').decode(errors='replace')}", presses_key(target))
            limits = (NOTE_SECONDS, USER_SECONDS, MOST_PRESSES, PRESS_SECONDS, self._max_lines)
            merge, given = Script(self._client, MERGE), (*limits, len(presses))
            cut, left_out = self._once_it_is_there(
                target, lambda begins: merge(keys, *given, begins, *presses, *triples)
            )
            self._client.delete(on_its_way)
        self._has_changed(target)
        return Merged(len(lines) - left_out, cut, left_out) if target == person.key else Merged()

    def bring_back(self, key: str, copy: Copy | None, *, is_known: bool = True) -> Mapping[bytes, bytes]:
        """Begin a person's cart anew that is lost, with what its copy has; return the fields that it has then. One that
        is older than its copy was set back, and is begun anew as well.

        If it is not known whether there is a copy, that is left for a later look.
        """
        lines = [part for line in (copy.lines.items() if copy else ()) for part in line]
        limits = (USER_SECONDS, copy.version if copy else 0, "1" if is_known else "")
        with unavailable_on_error(self._client):
            is_back, fields = Script(self._client, BRING_BACK)(key, *limits, *lines)
        if is_back:
            self._copies.brought_back()
        return pairs(fields)

    def _once_it_is_there(self, key: str, run: Callable[[str], Any]) -> Any:
        """Return what a script answers that changes a cart; if that is a person's and lost, it is brought back first.

        ``run`` runs the script, and is given the version that the cart is known to have had, and :data:`BEGINS` where
        what there was is there again.
        """
        answer = run(str(self._copies.known(user_of(key)) or ""))
        if answer[0] in LOST:
            self._begin(key)
            answer = run(BEGINS)
        return answer

    def _begin(self, key: str) -> None:
        """Bring a person's cart back before it is changed, if there is anything to bring."""
        try:
            copy = self._copies.read(user_of(key))
        except CopiesUnavailable:
            self.bring_back(key, None, is_known=False)
        else:
            if copy:
                self.bring_back(key, copy)

    def keep(self, cart: CartId) -> None:
        """Have a visitor's cart, if there is one, live as long as its session from now on."""
        with unavailable_on_error(self._client):
            if cart.seconds is None:
                self._client.persist(cart.key)
            else:
                self._client.expire(cart.key, cart.seconds)

    def forget(self, cart: CartId) -> None:
        """Throw a visitor's cart away, with its session."""
        with unavailable_on_error(self._client):
            self._client.delete(cart.key)

    def _has_changed(self, key: str, fields: Mapping[bytes, bytes] | None = None) -> None:
        if (user_id := user_of(key)) is None:
            return
        self._copies.note(user_id)
        if fields and self._copies.known(user_id) is not None:  # who was not known is compared with the copy first
            self._copies.saw(user_id, version_in(fields))

    def note_order(self, cart: CartId, form: str, lines: Mapping[str, int]) -> Noted:
        """Write down that ``lines`` of the cart are being ordered by the checkout form of that name, before the order
        is stored.

        In a cart that has moved since it was read, at a sign-in in another tab, the note follows it. Return whose cart
        it is. Raises CartBusyError while another form is ordering it, or where less is in it than that.
        """
        key, parts = cart.key, [part for line in lines.items() for part in line]

        def note(key: str) -> Any:
            keys = (key, presses_key(key))
            return Script(self._client, NOTE_ORDER)(keys, note_of(form), ORDER, ORDERING_SECONDS, *parts)

        with unavailable_on_error(self._client):
            outcome, *moved_to = note(key)
            if outcome == b"moved":
                key = moved_to[0].decode()
                outcome, *moved_to = note(key)
        if outcome == b"busy":
            raise CartBusyError
        return Noted(user_of(key), int(moved_to[0]) if moved_to and moved_to[0].isdigit() else 0)

    def take_out(self, cart: CartId, form: str, lines: Mapping[str, int]) -> dict[str, int]:
        """Take out what the order of that form has bought, and no more; return the new cart. Twice is as good as once.

        Without ``lines`` the note alone goes: there is no such order.
        """
        parts = [part for line in lines.items() for part in line]
        keys, limits = (cart.key, presses_key(cart.key)), (MOST_PRESSES, PRESS_SECONDS)
        with unavailable_on_error(self._client):
            fields = Script(self._client, TAKE_OUT)(keys, note_of(form), *limits, *parts)
        self._has_changed(cart.key, pairs(fields))
        return as_quantities(pairs(fields))

    def _change(
        self, script: str, cart: CartId, sku: str, quantity: int, stock: int, press: str
    ) -> tuple[dict[str, int], bool]:
        def run(key: str, seconds: int | None) -> Any:
            limits = (self._max_quantity, self._max_lines, press, MOST_PRESSES, PRESS_SECONDS)
            given = (sku, quantity, stock, _or_for_ever(seconds), *limits)
            change, keys = Script(self._client, script), (key, presses_key(key))
            outcome = self._once_it_is_there(key, lambda begins: change(keys, *given, begins))
            if outcome[0] == b"stored":
                self._has_changed(key, pairs(outcome[1]))
            return outcome

        with unavailable_on_error(self._client):
            outcome, *answer = run(cart.key, cart.seconds)
            if has_moved := outcome == b"moved":
                outcome, *answer = run(answer[0].decode(), USER_SECONDS)
        match outcome:
            case b"short":
                raise ShortError(stock, answer[0] if script is ADD and not has_moved else 0)
            case b"too_many_units":
                raise CartLimitError(f"You can have at most {self._max_quantity} of one product in your cart.")
            case b"too_many_lines":
                raise CartLimitError(f"Your cart is full: it holds at most {self._max_lines} different products.")
            case b"other_contents":
                raise PressUsedError
        fields = pairs(*answer)
        if has_moved or MOVED in fields:  # the rest of the person's cart is not for whoever comes this way
            fields = {sku.encode(): str(quantity).encode()}
        return as_quantities(fields), outcome == b"repeated"


def _or_for_ever(seconds: int | None) -> int | str:
    return "" if seconds is None else seconds
