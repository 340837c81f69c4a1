"""The app's own thread that copies persons' carts into the database, some seconds after they changed.

It begins with the first change in a process, ends with the app's registry, and outlives every outage of Redis and of
the database: what could not be copied stays owed. What a killed process owed is copied when the person next looks at
their cart, which says itself whether it was copied.
"""

import logging
import os
import time
import weakref
from collections.abc import Mapping
from threading import Event, Lock, Thread, current_thread
from typing import Any

from pyramid.registry import Registry
from pyramid.request import Request

from shopapp.cart.copies import COPIES, Copies, Copy
from shopapp.cart.fields import COPIED, ORDERING_SECONDS, UNREAD, VERSION, as_quantities, orders_in
from shopapp.cart.ids import CartId
from shopapp.cart.scripts.copies import COPIED as MARK_COPIED
from shopapp.cart.store import CartStore, cart_store
from shopapp.redis import Client, checked, client_of, unavailable_on_error

GATHER_SECONDS = 1.0
"""So long are changes gathered: a copy is late by this, and by the time that it takes."""

BATCH = 200
"""Carts copied in one transaction: a few hundredths of a second, in which SQLite's other writers wait."""

AWAY_SECONDS = 30.0
"""The longest pause while Redis or the database is away."""

LAST_SECONDS = 2.0
"""So long does a process that ends wait for its last copies."""

log = logging.getLogger(__name__)


class Copier:
    """Starts the thread and wakes it. Neither it nor the thread keeps the registry alive."""

    def __init__(self, registry: Registry) -> None:
        self._registry = weakref.ref(registry)
        self._process, self._lock = 0, Lock()
        self._rung, self._stopped = Event(), Event()

    def wake(self) -> None:
        """There is something to copy."""
        if self._process != os.getpid():
            self._start()
        self._rung.set()

    def _start(self) -> None:
        with self._lock:
            registry = self._registry()
            if self._process == os.getpid() or registry is None:
                return
            self._process, self._rung, self._stopped = os.getpid(), Event(), Event()
            thread = Thread(target=self._work, args=(self._rung, self._stopped), name="cart-copies", daemon=True)
            weakref.finalize(registry, _stop, self._rung, self._stopped, thread)
            thread.start()

    def _work(self, rung: Event, stopped: Event) -> None:
        pause = GATHER_SECONDS
        while not stopped.is_set():
            rung.wait()
            stopped.wait(pause)
            rung.clear()
            try:
                if not self._copy():
                    rung.set()
                pause = GATHER_SECONDS
            except Exception as error:
                log.error("carts_not_copied error=%s", type(error).__name__)  # in one line, as it comes again
                pause = min(2 * pause, AWAY_SECONDS)
                rung.set()

    def _copy(self) -> bool:
        registry = self._registry()
        return registry is None or copy_what_is_owed(registry)


def _stop(rung: Event, stopped: Event, thread: Thread) -> None:
    stopped.set()
    rung.set()
    if thread is not current_thread():
        thread.join(LAST_SECONDS)


def copy_what_is_owed(registry: Registry) -> bool:
    """Copy the carts that this process owes; False if some are being ordered, and are owed still.

    Raises StoreUnavailable and what SQLAlchemy raises; then they are owed as before.
    """
    request = Request.blank("/")
    request.registry = registry
    client, copies, store = client_of(request), registry[COPIES], cart_store(request)
    while batch := copies.owed(BATCH):
        try:
            later = _copy(client, store, copies, batch)
        except Exception:
            copies.owe_again(batch)
            raise
        if later:
            copies.owe_again(later)
            return False
    copies.tell()
    return True


def _copy(client: Client, store: CartStore, copies: Copies, user_ids: list[int]) -> list[int]:
    """Copy these carts but those that are being ordered at the moment, and return these.

    A cart whose copy is newer was set back by a Redis that lost its last changes: the copy is what is right.
    """
    with unavailable_on_error(client):
        pipeline = client.pipeline(transaction=False)
        for user_id in user_ids:
            pipeline.hgetall(CartId.of_user(user_id).key)
        carts = dict(zip(user_ids, checked(pipeline.execute(raise_on_error=False)), strict=True))
    fields = {user_id: cart for user_id, cart in carts.items() if _can_be_copied(cart)}
    found = {user_id: Copy(as_quantities(cart), int(cart[VERSION])) for user_id, cart in fields.items()}
    if found:
        newer = copies.write(found)
        for user_id, copy in newer.items():
            store.bring_back(CartId.of_user(user_id).key, copy)
        copies.owe_again(newer)  # by the version that they have now
        with unavailable_on_error(client):
            pipeline = client.pipeline(transaction=False)
            for user_id in found.keys() - newer.keys():
                version = found[user_id].version
                pipeline.execute_command("EVAL", MARK_COPIED, 1, CartId.of_user(user_id).key, version)
            pipeline.execute()
    return [user_id for user_id, cart in carts.items() if _is_being_ordered(cart)]


def _can_be_copied(cart: Any) -> bool:
    """Not what an order may have bought already, nor a cart whose own copy has not been read yet."""
    return isinstance(cart, dict) and cart.get(VERSION, b"").isdigit() and UNREAD not in cart and not orders_in(cart)


def _is_being_ordered(cart: Any) -> bool:
    """An order that was noted earlier has failed, or is settled when the person next looks at the cart."""
    now = time.time()
    return isinstance(cart, dict) and any(now - began < ORDERING_SECONDS for began in orders_in(cart).values())


def owes_copy(fields: Mapping[bytes, bytes]) -> bool:
    """Tell whether a person's cart, as it was read, has a version that was not copied."""
    return VERSION in fields and fields[VERSION] != fields.get(COPIED)
