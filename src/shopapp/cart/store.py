"""Carts in Redis: one hash per cart, sku to quantity, changed by atomic commands only. Knows no prices and no HTTP.

A visitor's cart is filed under their session's name, a person's under their account. When a visitor signs in, the
contents move, and a marker is left behind, so that what a request on its way puts into the visitor's cart follows. It
only follows to put in: nobody sees a person's cart through it. Rubbish in place of a cart is an empty one.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any, cast

from redis.exceptions import ResponseError

from shopapp.redis import Client, Script, unavailable_on_error

DAY = 24 * 60 * 60
VISITOR_SECONDS = DAY
"""From the last change. Longer than a visitor's session lives, without which nobody finds the cart."""
USER_SECONDS = 90 * DAY
"""From the last change: what people expect of a shop that they come back to."""

MOVE = b":move"
"""The field that names a move of a cart, so that it is made once. No sku begins with a colon."""
NOTE_SECONDS = 2 * DAY
"""Longer than a cart stays on its way."""

ORDER = b":order:"
"""How the field begins that says that this cart is being ordered: then the name of the checkout form. It is there from
before the order is stored until what was bought is out of the cart, and holds the time in seconds since 1970."""

log = logging.getLogger(__name__)

# A key that holds another type than it should is emptied.
_NO_RUBBISH = """
for i = 1, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'none' and kind ~= '%s' then redis.call('DEL', KEYS[i]) end
end
"""

# What can be no number of units counts as none.
_UNITS = """
local function units(text)
  if text and #text <= 9 and string.match(text, '^%d+$') then return tonumber(text) end
  return 0
end
"""

# Answers a word for what became of the change, and then the cart's fields and values; or where the cart has moved to.
# KEYS: the cart. ARGV: sku, quantity, most units of a line, most lines, seconds to live.
_STORE = """
local moved = redis.call('HGET', KEYS[1], ':moved')
if moved then return {'moved', moved} end
local held = units(redis.call('HGET', KEYS[1], ARGV[1]))
local wanted = tonumber(ARGV[2]) %s
if wanted > tonumber(ARGV[3]) then return {'too_many_units'} end
if held == 0 and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return {'too_many_lines'} end
redis.call('HSET', KEYS[1], ARGV[1], wanted)
redis.call('EXPIRE', KEYS[1], ARGV[5])
return {'stored', redis.call('HGETALL', KEYS[1])}
"""
ADD = _NO_RUBBISH % "hash" + _UNITS + _STORE % "+ held"
SET = _NO_RUBBISH % "hash" + _UNITS + _STORE % ""

# Answers whether the line was there, and the cart's fields and values. One that has moved is somebody's own by now: it
# has no line any more, and is not followed. KEYS: the cart. ARGV: sku, seconds to live.
REMOVE = (
    _NO_RUBBISH % "hash"
    + """
local removed = redis.call('HDEL', KEYS[1], ARGV[1])
if removed == 1 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return {removed, redis.call('HGETALL', KEYS[1])}
"""
)

# KEYS: the visitor's cart, where its contents are kept until they have arrived. ARGV: the new cart, seconds, a name for
# this move. Returns whose the contents are, and the contents. An empty cart gets the marker too: a request that is on
# its way to it may be the one that fills it.
TAKE = (
    _NO_RUBBISH % "hash"
    + """
if redis.call('EXISTS', KEYS[2]) == 0 and redis.call('HEXISTS', KEYS[1], ':moved') == 0 then
  if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('RENAME', KEYS[1], KEYS[2])
    redis.call('HSET', KEYS[2], ':move', ARGV[3])
  end
  redis.call('HSET', KEYS[1], ':moved', ARGV[1])
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return {redis.call('HGET', KEYS[1], ':moved') or '', redis.call('HGETALL', KEYS[2])}
"""
)

# KEYS: the person's cart, a note of one move. ARGV: seconds for the note, seconds to live, then sku, quantity and most
# units of each line; a note of an order comes along as it is. A move that has been made before changes nothing. Returns
# how many lines were cut.
MERGE = (
    _UNITS
    + """
local cut = 0
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'hash' then redis.call('DEL', KEYS[1]) end
if not redis.call('SET', KEYS[2], '', 'NX', 'EX', ARGV[1]) then return cut end
for i = 3, #ARGV, 3 do
  if string.sub(ARGV[i], 1, 1) == ':' then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  else
  local held = units(redis.call('HGET', KEYS[1], ARGV[i]))
  local most = math.max(held, tonumber(ARGV[i + 2]))
  local sum = held + tonumber(ARGV[i + 1])
  if sum > most then cut = cut + 1 end
  redis.call('HSET', KEYS[1], ARGV[i], math.min(sum, most))
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return cut
"""
)

# Notes that the cart is being ordered; says where it is if it has moved. KEYS: the cart. ARGV: the note's field, the
# time.
NOTE = (
    _NO_RUBBISH % "hash"
    + """
local moved = redis.call('HGET', KEYS[1], ':moved')
if moved then return moved end
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return ''
"""
)

# Takes what was bought out of the cart, once: the note of the order goes with it. KEYS: the cart. ARGV: the note's
# field, then sku and quantity of each line. Returns the cart's fields and values.
TAKE_OUT = (
    _NO_RUBBISH % "hash"
    + _UNITS
    + """
if redis.call('HDEL', KEYS[1], ARGV[1]) == 1 then
  for i = 2, #ARGV, 2 do
    local left = units(redis.call('HGET', KEYS[1], ARGV[i])) - tonumber(ARGV[i + 1])
    if left > 0 then redis.call('HSET', KEYS[1], ARGV[i], left) else redis.call('HDEL', KEYS[1], ARGV[i]) end
  end
end
return redis.call('HGETALL', KEYS[1])
"""
)


class CartLimitError(Exception):
    """The change would go over a limit, so nothing was changed. The message is for the person."""


@dataclass(frozen=True)
class CartId:
    """Whose cart: its key holds a hash tag, so that all keys of one cart are in one slot of a cluster."""

    owner: str
    seconds: int

    @classmethod
    def of_user(cls, user_id: int | str) -> "CartId":
        """The cart of a person, on all their devices."""
        return cls(f"user:{user_id}", USER_SECONDS)

    @classmethod
    def of_session(cls, session_name: str) -> "CartId":
        """The cart of a visitor, by the name of their session."""
        return cls(f"visitor:{session_name}", VISITOR_SECONDS)

    @property
    def session_name(self) -> str:
        """What :meth:`of_session` made it of."""
        return self.owner.removeprefix("visitor:")

    @property
    def key(self) -> str:
        """The cart's key in Redis."""
        return f"cart:{{{self.owner}}}"


def reading(cart: CartId) -> tuple[str, str]:
    """Return the command that reads a cart, whose answer :func:`as_quantities` understands."""
    return "HGETALL", cart.key


class CartStore:
    """All carts, within the limits of the settings. Every method raises StoreUnavailable if Redis cannot be reached."""

    def __init__(self, client: Client, max_quantity: int, max_lines: int) -> None:
        self._client = client
        self._max_quantity = max_quantity
        self._max_lines = max_lines

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

    def add(self, cart: CartId, sku: str, quantity: int) -> dict[str, int]:
        """Add ``quantity`` units to those already in the cart; return the new cart. Raises CartLimitError."""
        return self._change(ADD, cart, sku, quantity)

    def set(self, cart: CartId, sku: str, quantity: int) -> dict[str, int]:
        """Make ``quantity``, one at least, the units of ``sku``; return the new cart. Raises CartLimitError."""
        return self._change(SET, cart, sku, quantity)

    def remove(self, cart: CartId, sku: str) -> tuple[dict[str, int], bool]:
        """Take a line out of the cart; return the new cart, and whether there was one."""
        with unavailable_on_error(self._client):
            removed, fields = Script(self._client, REMOVE)(cart.key, sku, cart.seconds)
        return as_quantities(_pairs(fields)), bool(removed)

    def merge(
        self, visitor: CartId, person: CartId, stock_of: Callable[[Iterable[str]], Mapping[str, int]]
    ) -> tuple[int, int]:
        """Move the visitor's cart into the person's; return how many lines came along, and how many of them were cut.

        Quantities add up to the units in stock and to the limit of a line at most, yet never to less than the person
        had, nor to nothing. Doing it twice, or again after a crash half-way, changes nothing more.
        """
        on_its_way = f"{visitor.key}:merging"
        with unavailable_on_error(self._client):
            take = Script(self._client, TAKE)
            moved_to, fields = take((visitor.key, on_its_way), person.key, visitor.seconds, token_urlsafe())
            taken = _pairs(fields)
            lines = as_quantities(taken)
            # A login that failed half-way may have been another person's: then it is theirs, and is finished for them.
            target = moved_to if moved_to.startswith(b"cart:{user:") else person.key.encode()
            if not lines:
                return 0, 0
            stock = stock_of(lines)
            most = {sku: min(self._max_quantity, max(1, stock.get(sku, self._max_quantity))) for sku in lines}
            triples: list[Any] = [part for sku, quantity in lines.items() for part in (sku, quantity, most[sku])]
            triples += [part for name, began in orders_in(taken).items() for part in (_note_of(name), began, 0)]
            note = target + b":" + taken.get(MOVE, b"unnamed")
            cut = Script(self._client, MERGE)((target, note), NOTE_SECONDS, person.seconds, *triples)
            self._client.delete(on_its_way)
        return (len(lines), cut) if target == person.key.encode() else (0, 0)

    def note_order(self, cart: CartId, form: str) -> None:
        """Write down that the cart is being ordered by the checkout form of that name, before the order is stored.

        In a cart that has moved since it was read, at a sign-in in another tab, the note follows it.
        """
        note = Script(self._client, NOTE)
        with unavailable_on_error(self._client):
            moved_to = note(cart.key, _note_of(form), int(time.time()))
            if moved_to:
                note(moved_to.decode(), _note_of(form), int(time.time()))

    def take_out(self, cart: CartId, form: str, lines: Mapping[str, int]) -> dict[str, int]:
        """Take out what the order of that form has bought, and no more; return the new cart. Twice is as good as once.

        Without ``lines`` the note alone goes: there is no such order.
        """
        parts = [part for sku, quantity in lines.items() for part in (sku, quantity)]
        with unavailable_on_error(self._client):
            return as_quantities(_pairs(Script(self._client, TAKE_OUT)(cart.key, _note_of(form), *parts)))

    def _change(self, script: str, cart: CartId, sku: str, quantity: int) -> dict[str, int]:
        run = Script(self._client, script)
        limits = [self._max_quantity, self._max_lines]
        with unavailable_on_error(self._client):
            outcome, *rest = run(cart.key, sku, quantity, *limits, cart.seconds)
            if outcome == b"moved":
                outcome, *_ = run(rest, sku, quantity, *limits, USER_SECONDS)
                rest = [[sku.encode(), str(quantity).encode()]]
        if outcome == b"too_many_units":
            raise CartLimitError(f"You can have at most {self._max_quantity} of one product in your cart.")
        if outcome == b"too_many_lines":
            raise CartLimitError(f"Your cart is full: it holds at most {self._max_lines} different products.")
        return as_quantities(_pairs(*rest))


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
