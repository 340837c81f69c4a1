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

from redis.exceptions import ResponseError

from shopapp.cart.copies import Copies, CopiesUnavailable, Copy
from shopapp.cart.scripts import ADD, BRING_BACK, MERGE, NOTE_ORDER, REMOVE, SET, TAKE, TAKE_OUT
from shopapp.redis import Client, Script, unavailable_on_error

DAY = 24 * 60 * 60
MOVED_SECONDS = DAY
"""So long does a visitor's cart that has moved say where to, and are its contents kept if they have not arrived."""
USER_SECONDS = 90 * DAY
"""From the last change: what people expect of a shop that they come back to."""

MOVED = b":moved"
"""The field that says where a cart has moved to. Fields that begin with a colon are marks: no sku does."""
MOVE = b":move"
"""The field that names a move of a cart, so that it is made once."""
VERSION, COPIED, UNREAD = b":version", b":copied", b":unread"
"""The fields of a person's cart that say which version it is, which was copied, and that a copy may be waiting."""
NOTE_SECONDS = 2 * DAY
"""Longer than a cart stays on its way."""

ORDER = b":order:"
"""How the field begins that says that this cart is being ordered: then the name of the checkout form. It is there from
before the order is stored until what was bought is out of the cart, and holds the time in seconds since 1970."""
ORDERING_SECONDS = 10
"""So long does a note keep other forms from ordering the same cart. Longer than any order takes that does not fail."""
PRESS_SECONDS = 10 * 60
"""So long is a press known when it comes again: longer than anybody waits for an answer before sending once more."""
MOST_PRESSES = 32
"""Of one cart, the newest; more than a person can have on their way."""

log = logging.getLogger(__name__)


LOST = -1
"""What scripts answer of a person's cart that is not there, not even as an empty one."""
BEGINS = "1"
"""What they are told then, when what there was is there again."""


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


class CartLimitError(Exception):
    """The change would go over a limit, so nothing was changed. The message is for the person."""


class CartBusyError(Exception):
    """Another checkout form is ordering the same cart at this moment."""


class ShortError(Exception):
    """There are only ``available`` units, so nothing was changed. The message is for the person."""

    def __init__(self, available: int, held: int) -> None:
        self.available = available
        super().__init__(_how_many(available, held))


def _how_many(available: int, held: int) -> str:
    if not available:
        return "This is sold out at the moment."
    there_are = f"We have only {available} of this"
    if not held:
        return f"{there_are}."
    if held >= available:
        return f"{there_are}, and {'it is' if available == 1 else 'they are'} in your cart already."
    return f"{there_are}, and {held} {'is' if held == 1 else 'are'} in your cart already."


class PressUsedError(Exception):
    """A press of this name was for something else, so nothing was changed."""


@dataclass(frozen=True)
class CartId:
    """Whose cart: its key holds a hash tag, so that all keys of one cart are in one slot of a cluster."""

    owner: str
    seconds: int | None
    """To live from the next change on; None is for ever."""

    @classmethod
    def of_user(cls, user_id: int | str) -> "CartId":
        """The cart of a person, on all their devices."""
        return cls(f"user:{user_id}", USER_SECONDS)

    @classmethod
    def of_session(cls, session_name: str, seconds: int | None = MOVED_SECONDS) -> "CartId":
        """The cart of a visitor, by the name of their session, which lives as long if nobody uses it."""
        return cls(f"visitor:{session_name}", seconds)

    @property
    def session_name(self) -> str:
        """What :meth:`of_session` made it of."""
        return self.owner.removeprefix("visitor:")

    @property
    def user_id(self) -> int | None:
        """Whose cart it is; None for a visitor's."""
        return user_of(self.key)

    @property
    def key(self) -> str:
        """The cart's key in Redis."""
        return f"cart:{{{self.owner}}}"


def user_of(cart_key: str) -> int | None:
    """Return the person whose cart this is the key of; None if it is a visitor's."""
    number = cart_key.removeprefix("cart:{user:").removesuffix("}")
    return int(number) if number.isascii() and number.isdigit() else None


def presses_key(cart_key: str) -> str:
    """Return the key of what names the presses that a cart has seen."""
    return f"{cart_key}:presses"


def reading(cart: CartId) -> tuple[str, str]:
    """Return the command that reads a cart, whose answer :func:`as_quantities` understands."""
    return "HGETALL", cart.key


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
            remove = Script(self._client, REMOVE)
            removed, fields = remove(cart.key, sku, _or_for_ever(cart.seconds), "")
            if removed == LOST:
                self._begin(cart.key)
                removed, fields = remove(cart.key, sku, _or_for_ever(cart.seconds), BEGINS)
        self._has_changed(cart.key)
        return as_quantities(_pairs(fields)), removed

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
            taken = _pairs(fields)
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
            triples += [part for name, began in orders_in(taken).items() for part in (_note_of(name), began, 0)]
            keys = (target, f"{target}:{taken.get(MOVE, b'unnamed').decode(errors='replace')}", presses_key(target))
            limits = (NOTE_SECONDS, USER_SECONDS, MOST_PRESSES, PRESS_SECONDS, self._max_lines)
            merge = Script(self._client, MERGE)
            cut, left_out = merge(keys, *limits, len(presses), "", *presses, *triples)
            if cut == LOST:
                self._begin(target)
                cut, left_out = merge(keys, *limits, len(presses), BEGINS, *presses, *triples)
            self._client.delete(on_its_way)
        self._has_changed(target)
        return Merged(len(lines) - left_out, cut, left_out) if target == person.key else Merged()

    def bring_back(self, key: str, copy: Copy | None, *, is_known: bool = True) -> Mapping[bytes, bytes]:
        """Begin a person's cart anew that is lost, with what its copy has; return the fields that it has then.

        If it is not known whether there is a copy, that is left for a later look.
        """
        lines = [part for line in (copy.lines.items() if copy else ()) for part in line]
        limits = (USER_SECONDS, copy.version if copy else 0, "1" if is_known else "")
        with unavailable_on_error(self._client):
            fields = Script(self._client, BRING_BACK)(key, *limits, *lines)
        self._copies.brought_back(len(lines) // 2)
        return _pairs(fields)

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

    def _has_changed(self, key: str) -> None:
        if (user_id := user_of(key)) is not None:
            self._copies.note(user_id)

    def note_order(self, cart: CartId, form: str) -> Noted:
        """Write down that the cart is being ordered by the checkout form of that name, before the order is stored.

        In a cart that has moved since it was read, at a sign-in in another tab, the note follows it. Return whose cart
        it is. Raises CartBusyError while another form is ordering it.
        """
        key = cart.key

        def note(key: str) -> Any:
            keys = (key, presses_key(key))
            return Script(self._client, NOTE_ORDER)(keys, _note_of(form), ORDER, ORDERING_SECONDS)

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
        parts = [part for sku, quantity in lines.items() for part in (sku, quantity)]
        keys, limits = (cart.key, presses_key(cart.key)), (MOST_PRESSES, PRESS_SECONDS)
        with unavailable_on_error(self._client):
            fields = Script(self._client, TAKE_OUT)(keys, _note_of(form), *limits, *parts)
        self._has_changed(cart.key)
        return as_quantities(_pairs(fields))

    def _change(
        self, script: str, cart: CartId, sku: str, quantity: int, stock: int, press: str
    ) -> tuple[dict[str, int], bool]:
        def run(key: str, seconds: int | None) -> Any:
            limits = (self._max_quantity, self._max_lines, press, MOST_PRESSES, PRESS_SECONDS)
            given = (sku, quantity, stock, _or_for_ever(seconds), *limits)
            outcome = Script(self._client, script)((key, presses_key(key)), *given, "")
            if outcome[0] == b"lost":
                self._begin(key)
                outcome = Script(self._client, script)((key, presses_key(key)), *given, BEGINS)
            if outcome[0] == b"stored":
                self._has_changed(key)
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
        fields = _pairs(*answer)
        if has_moved or MOVED in fields:  # the rest of the person's cart is not for whoever comes this way
            fields = {sku.encode(): str(quantity).encode()}
        return as_quantities(fields), outcome == b"repeated"


def _or_for_ever(seconds: int | None) -> int | str:
    return "" if seconds is None else seconds


def _pairs(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def as_quantities(held: Mapping[bytes, bytes]) -> dict[str, int]:
    """Return the lines of a cart, sku to quantity, without our own marks and without what can be no line."""
    lines = ((sku, quantity) for sku, quantity in sorted(held.items()) if _is_line(sku, quantity))
    return {sku.decode(): int(quantity) for sku, quantity in lines}


def orders_in(held: Mapping[bytes, bytes]) -> dict[str, int]:
    """Return the orders of which a cart has a note: the checkout form's name, and since when in seconds since 1970."""
    notes = ((field, began) for field, began in held.items() if field.startswith(ORDER))
    return {field.removeprefix(ORDER).decode(): int(began) if began.isdigit() else 0 for field, began in notes}


def _note_of(form: str) -> bytes:
    return ORDER + form.encode()


def _is_line(sku: bytes, quantity: bytes) -> bool:
    return sku.isascii() and not sku.startswith(b":") and quantity.isdigit() and len(quantity) <= 9
