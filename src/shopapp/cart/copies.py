"""Copies of persons' carts in the database, for a Redis that forgets: noted at each change, written some seconds later.

A copy never holds what is in an order: the order takes it out of the copy in its own transaction, and a cart that is
being ordered is not copied. Versions, which Redis makes, keep an older copy from taking the place of a newer one.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from cachetools import TTLCache
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from shopapp.accounts.models import User
from shopapp.cart.models import CartCopy

COPIES = "shopapp.cart.copies"
"""Where in the registry the app's :class:`Copies` are."""

KEPT = timedelta(days=90)
"""As long as the cart itself."""

PURGE_SECONDS = 3600.0

NOTHING_SECONDS = 10.0
"""So long is a person known to have no copy, for pages that look: another process may write one meanwhile."""

KNOWN_SECONDS = 60.0
"""So long is the version of a person's cart known, by which is seen that Redis has set it back: then the copy is asked
anew, as another process may have seen a later one."""

TELL_SECONDS = 10.0
"""A Redis that was emptied loses many carts at once, and they are told of in one line."""

_INSERT: Mapping[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}

log = logging.getLogger(__name__)


class CopiesUnavailable(Exception):
    """The database cannot be asked at the moment."""


@dataclass(frozen=True)
class Copy:
    """A person's cart as it was copied: sku to quantity."""

    lines: Mapping[str, int]
    version: int


class Copies:
    """All copies, and of which carts this process owes one."""

    def __init__(self, sessions: sessionmaker[Session], wake: Any = None) -> None:
        """``wake`` is called when there is something to copy."""
        self._sessions = sessions
        self._wake = wake or (lambda: None)
        self._owed: set[int] = set()
        self._nothing: TTLCache[int, bool] = TTLCache(10_000, NOTHING_SECONDS)
        self._known: TTLCache[int, int] = TTLCache(10_000, KNOWN_SECONDS)
        self._lock = Lock()
        self._back, self._told_at, self._purged_at = 0, -TELL_SECONDS, -PURGE_SECONDS

    def note(self, user_id: int) -> None:
        """This person's cart has changed."""
        with self._lock:
            self._owed.add(user_id)
            self._nothing.pop(user_id, None)
        self._wake()

    def owed(self, most: int) -> list[int]:
        """Return whose carts are to be copied now; they are owed no longer."""
        with self._lock:
            batch = sorted(self._owed)[:most]
            self._owed.difference_update(batch)
        return batch

    def owe_again(self, user_ids: Iterable[int]) -> None:
        """They could not be copied."""
        with self._lock:
            self._owed.update(user_ids)

    def has_nothing(self, user_id: int) -> bool:
        """Tell whether it was seen a moment ago that there is no copy."""
        with self._lock:
            return user_id in self._nothing

    def read(self, user_id: int | None) -> Copy | None:
        """Return the copy of a person's cart, which may be empty; None if there is none. Raises CopiesUnavailable."""
        if user_id is None:
            return None
        found = select(CartCopy).where(CartCopy.user_id == user_id, CartCopy.changed_at > datetime.now(UTC) - KEPT)
        try:
            with self._sessions() as dbsession:
                copy = dbsession.scalar(found)
        except SQLAlchemyError as error:
            self._has_nothing(user_id)  # for a moment: not every page shall wait for a database that is away
            log.error("cart_copy_not_read error=%r", error)
            raise CopiesUnavailable from error
        if copy is None:
            self._has_nothing(user_id)
            return None
        return Copy(copy.lines, copy.version)

    def saw(self, user_id: int, version: int) -> None:
        """This person's cart has this version in Redis, and its copy has none that is newer."""
        with self._lock:
            if self._known.get(user_id) != version:  # the same again does not put off the next question
                self._known[user_id] = version

    def known(self, user_id: int | None) -> int | None:
        """Return the version that a person's cart is known to have had; None if it was not seen a moment ago."""
        with self._lock:
            return None if user_id is None else self._known.get(user_id)

    def brought_back(self) -> None:
        """A cart was lost, or set back, and is there again: tell how many were, now and then."""
        with self._lock:
            self._back += 1
            if time.monotonic() < self._told_at + TELL_SECONDS:
                return
        self.tell()

    def tell(self) -> None:
        """Say in the log how many carts Redis had lost, if any."""
        with self._lock:
            back, self._back = self._back, 0
            if back:
                self._told_at = time.monotonic()
        if back:
            log.warning("carts_lost_in_redis brought_back=%d", back)

    def write(self, copies: Mapping[int, Copy]) -> dict[int, Copy]:
        """Store these, each unless a newer one is there; return those newer ones. Raises what SQLAlchemy raises."""
        moment = datetime.now(UTC)
        with self._sessions.begin() as dbsession:
            people = set(dbsession.scalars(select(User.id).where(User.id.in_(copies))))
            rows = [
                {"user_id": user_id, "lines": dict(copy.lines), "version": copy.version, "changed_at": moment}
                for user_id, copy in sorted(copies.items())  # of two that write the same, neither waits for the other
                if user_id in people
            ]
            if rows:
                insert = _INSERT[dbsession.get_bind().dialect.name](CartCopy).values(rows)
                new = {name: insert.excluded[name] for name in ("lines", "version", "changed_at")}
                is_newer = CartCopy.version < insert.excluded.version
                dbsession.execute(
                    insert.on_conflict_do_update(index_elements=[CartCopy.user_id], set_=new, where=is_newer)
                )
            if time.monotonic() > self._purged_at + PURGE_SECONDS:
                dbsession.execute(delete(CartCopy).where(CartCopy.changed_at < moment - KEPT))
                self._purged_at = time.monotonic()
            there = dbsession.scalars(select(CartCopy).where(CartCopy.user_id.in_(copies))).all()
            return {
                copy.user_id: Copy(copy.lines, copy.version)
                for copy in there
                if copy.version > copies[copy.user_id].version
            }

    def _has_nothing(self, user_id: int) -> None:
        with self._lock:
            self._nothing[user_id] = True


def take_out_of_copy(dbsession: Session, user_id: int, version: int, bought: Mapping[str, int]) -> None:
    """Take what an order has bought out of the copy, in the order's own transaction: so it never comes back.

    ``version`` is that of the cart in which the order was noted: a copy from before that comes too late.
    """
    copy = dbsession.get(CartCopy, user_id, with_for_update=True)
    if copy:
        left = {sku: quantity - bought.get(sku, 0) for sku, quantity in copy.lines.items()}
        copy.lines = {sku: quantity for sku, quantity in left.items() if quantity > 0}
        copy.version = max(copy.version, version)
        return
    # None yet, but one may be on its way.
    dbsession.add(CartCopy(user_id=user_id, lines={}, version=version))
