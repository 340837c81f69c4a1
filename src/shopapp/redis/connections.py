"""Watched connections: the one place where a thread waits for Redis, and where that ends.

A connection is watched while its thread is within `unavailable_on_error(client)`. Used otherwise, it is redis-py's own.
"""

import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from redis import exceptions
from redis.connection import AbstractConnection, SSLConnection

from shopapp.redis.nodes import Node, NodeAway, node_at
from shopapp.redis.probing import is_back
from shopapp.redis.turns import SLOW_SECONDS, NoPlaceError, here

NEARLY = 0.9
"""Of the time that any answer gets. Who came with little of it left cannot tell a slow node from one that hangs."""

TOO_MANY = "too many requests wait for Redis"


_Connection: Any = AbstractConnection  # its methods have no types


class Watched(_Connection):
    """Stands before a connection class of redis-py's: see :func:`watched`."""

    is_quick = False
    node: Node | None = None
    socket_connect_timeout: float | None

    def __init__(self, **options: Any) -> None:
        self.made_of = options
        super().__init__(**options)

    def connect(self) -> None:
        """As redis-py calls it before each command. Raises NodeAway if nothing may be sent now."""
        if self._sock is None:
            super().connect()
        node = self.node
        if here.depth and node:
            _ask_leave(node)

    def _connect(self) -> Any:
        # What leads to a primary of Sentinel's learns here which node that is.
        node = self.node = node_at(getattr(self, "path", None) or f"{self.host}:{self.port}")
        if not here.depth:
            return super()._connect()
        _ask_leave(node)
        began, most = time.monotonic(), self.socket_connect_timeout
        self.socket_connect_timeout = _patience(most)
        try:
            with _place(node, SLOW_SECONDS):
                return super()._connect()
        except TimeoutError:  # of the socket
            self._judge(began, most)
            raise
        finally:
            self.socket_connect_timeout = most
            _count(began)

    def on_connect_check_health(self, check_health: bool = True) -> None:
        """Say who we are and which database we want, in one round trip; in none if that goes without saying."""
        if not self.is_quick:
            super().on_connect_check_health(check_health)
            return
        self._parser.on_connect(self)
        words = [word for word in (self.username, self.password) if word]
        commands: list[tuple[Any, ...]] = [("AUTH", *words)] if words else []
        if self.db:
            commands.append(("SELECT", self.db))
        if not commands and isinstance(self, SSLConnection):
            # Behind its handshake a server sends tickets of TLS. Unread, they would look like an answer left over.
            commands.append(("PING",))
        if commands:
            self.send_packed_command(self.pack_commands(commands), check_health=False)
        for _ in commands:
            self.read_response()

    def read_response(self, disable_decoding: bool = False, **options: Any) -> Any:
        """As redis-py's, for no longer than whoever asks may wait."""
        node, socket = self.node, self._sock
        if not here.depth or options or node is None or socket is None:
            return super().read_response(disable_decoding, **options)
        began, ordinary = time.monotonic(), socket.gettimeout()
        socket.settimeout(SLOW_SECONDS)
        try:
            try:
                return super().read_response(disable_decoding, disconnect_on_error=False)
            except exceptions.TimeoutError:
                return self._read_late(node, began, disable_decoding)
        except exceptions.ResponseError as error:
            if str(error).startswith("BUSY "):
                self._leave(node, str(error))
            raise
        except BaseException as error:
            if isinstance(error, exceptions.BusyLoadingError):
                self._leave(node, str(error))
            self.disconnect()
            raise
        finally:
            if self._sock is not None:
                socket.settimeout(ordinary)
            _count(began)

    def _read_late(self, node: Node, began: float, disable_decoding: bool) -> Any:
        patience = _patience(self.socket_timeout)
        with _place(node):
            while patience is None or time.monotonic() - began < patience:
                if node.away_because:
                    raise NodeAway(node.away_because)
                with suppress(exceptions.TimeoutError):
                    return super().read_response(disable_decoding, disconnect_on_error=False)
        self._judge(began, self.socket_timeout)
        raise exceptions.TimeoutError("Redis did not answer in time")

    def _judge(self, began: float, most: float | None) -> None:
        """After an answer that did not come: the node hangs, if it was given the time that any request gives it. Where
        nobody set one, it is the system that gave up, after all that it gives.
        """
        budget = here.turn.budget if here.turn else None
        given = min((seconds for seconds in (most, budget) if seconds is not None), default=0.0)
        if self.node and time.monotonic() - began >= NEARLY * given:
            self._leave(self.node, "Redis did not answer a moment ago")

    def _leave(self, node: Node, reason: str) -> None:
        me = weakref.ref(self)
        node.leave(reason, lambda: is_back(me()))


def watched(base: type[AbstractConnection], *, is_quick: bool = False) -> type[AbstractConnection]:
    """Return the class of the same connections, watched. What is quick says no more of itself than it has to: it is not
    for RESP3, nor for a ``credential_provider``.
    """
    if issubclass(base, Watched):
        return base
    return type(f"Watched{base.__name__}", (Watched, base), {"is_quick": is_quick})


def _ask_leave(node: Node) -> None:
    if node.away_because:
        raise NodeAway(node.away_because)
    turn = here.turn
    if turn is not None and turn.budget is not None and turn.spent >= turn.budget:
        raise NodeAway("this request has waited for Redis as long as it may")
    # A node without anybody who waits is not slow, whatever others are.
    if node.waiting and turn is not None and turn.places and turn.places.are_taken:
        raise NodeAway(TOO_MANY)


@contextmanager
def _place(node: Node, patience: float = 0.0) -> Iterator[None]:
    """Wait for ``node`` in one of the places."""
    turn = here.turn
    if turn is None or turn.places is None:
        yield
        return
    try:
        with turn.places.one(patience):
            node.waiting += 1
            try:
                yield
            finally:
                node.waiting -= 1
    except NoPlaceError:
        raise NodeAway(TOO_MANY) from None


def _patience(most: float | None) -> float | None:
    left = here.turn.left if here.turn else None
    if left is None or most is None:
        return most if left is None else left
    return max(0.001, min(most, left))


def _count(began: float) -> None:
    if here.turn is not None:
        here.turn.spent += time.monotonic() - began
