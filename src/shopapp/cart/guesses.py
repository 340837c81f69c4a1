"""Guesses which cart a request's cookie leads to, so that the cart is read in the same round trip as the session.

A guess saves time and decides nothing: the session says which cart it is, and another one's answer is not looked at.
"""

from threading import Lock

from cachetools import LRUCache
from pyramid.request import Request

from shopapp.cart.ids import CartId
from shopapp.cart.store import reading
from shopapp.sessions import presented_name

MAX_GUESSES = 10_000
"""Sessions whose cart is remembered: persons', some 300 bytes each. A visitor's cart has the session's own name."""


class Guesses:
    """What this process has seen of which session has which cart."""

    def __init__(self) -> None:
        self._carts: LRUCache[str, CartId] = LRUCache(MAX_GUESSES)
        self._lock = Lock()

    def question(self, request: Request, handle: str) -> tuple[str, ...] | None:
        """Return the command that reads the cart which the session of this handle probably has: for a page."""
        if request.method not in ("GET", "HEAD"):
            return None
        with self._lock:
            cart = self._carts.get(handle)
        return reading(cart or CartId.of_session(handle))

    def learn(self, request: Request, cart: CartId) -> None:
        """Remember whose cart it was."""
        with self._lock:
            self._carts[presented_name(request)] = cart


def guesses_of(request: Request) -> Guesses:
    """Return the app's guesses."""
    found: Guesses = request.registry["shopapp.cart.guesses"]
    return found
