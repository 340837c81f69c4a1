"""The catalogue as this process remembers it: snapshots of one version, compared with the database's each second.

The version is read before what is remembered under it. So what changes in between is remembered too early, under the
version before, and for less than a second; never too late.
"""

import logging
import time
from collections.abc import Iterable
from threading import Lock

from cachetools import LRUCache
from pyramid.request import Request
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from shopapp.catalog.snapshots import CategorySnapshot, ProductSnapshot
from shopapp.catalog.store import catalogue_version, list_categories, products_by_sku
from shopapp.db import DatabaseUnavailable
from shopapp.db.away import reason_of

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""So long is a version believed; nothing that the shop shows is staler."""

PATIENCE_SECONDS = 0.05
"""So long does a request wait for another one's look, where a version is known: that one may be held by a database that
hangs, and must not hold all the others.
"""

FIRST_PATIENCE_SECONDS = 1.0
"""The same, where none is known: there is nothing else to go on with."""

MAX_SKU = 64

MAX_PRODUCTS = 10_000
"""Those looked at last are remembered, some 1.5 kB each."""


class Catalogue:
    """What the shop sells. All methods raise SQLAlchemy's errors if the database cannot be read.

    Its connections are of an engine of its own and are held for a query, never while anything else is waited for: so
    requests that hold the connection of their transaction cannot wait for one another here.
    """

    def __init__(self, engine: Engine, looks: Engine | None = None) -> None:
        """``looks`` is for the version alone: pages that take long must not keep a look waiting for a connection."""
        self._engine, self._looks = engine, looks or engine
        self._looking, self._lock = Lock(), Lock()
        self._version, self._look_at = 0, 0.0
        self._told = False
        self._categories: tuple[int, tuple[CategorySnapshot, ...]] = (0, ())
        self._products: LRUCache[tuple[int, str], ProductSnapshot | None] = LRUCache(MAX_PRODUCTS)

    def connect(self) -> Connection:
        """Return a connection to read from, outside of any transaction: a context manager."""
        return self._engine.connect()

    def version(self) -> int:
        """Return the version of the catalogue, as it was less than a second ago.

        While the database is away, or does not answer, it is the last one known: what is in memory goes on, and the log
        says so once. Raises SQLAlchemyError if none is known yet.
        """
        if time.monotonic() >= self._look_at:
            self._look()
        return self._version

    def categories(self) -> tuple[CategorySnapshot, ...]:
        """Return all categories by name."""
        version = self.version()
        remembered_at, categories = self._categories
        if remembered_at != version:
            with self.connect() as connection:
                categories = tuple(list_categories(connection))
            self._categories = version, categories
        return categories

    def product(self, sku: str) -> ProductSnapshot | None:
        """Return the product with exactly this SKU."""
        return self.products([sku]).get(sku)

    def products(self, skus: Iterable[str]) -> dict[str, ProductSnapshot]:
        """Return the products that exist among ``skus``; those that are not remembered are read in one query."""
        version, found, unknown = self.version(), {}, []
        with self._lock:
            for sku in skus:
                if len(sku) > MAX_SKU:
                    continue  # no product has it, and nobody should fill the memory with such
                try:
                    found[sku] = self._products[version, sku]
                except KeyError:
                    unknown.append(sku)
        if unknown:
            with self.connect() as connection:
                read = products_by_sku(connection, unknown)
            found |= {sku: read.get(sku) for sku in unknown}
            with self._lock:
                self._products.update({(version, sku): found[sku] for sku in unknown})
        return {sku: product for sku, product in found.items() if product is not None}

    def _look(self) -> None:
        if not self._looking.acquire(timeout=PATIENCE_SECONDS if self._version else FIRST_PATIENCE_SECONDS):
            self._go_on(None)
            return
        try:
            now = time.monotonic()
            if now < self._look_at:
                return  # another thread has looked meanwhile
            try:
                with self._looks.connect() as connection:
                    version = catalogue_version(connection)
            except SQLAlchemyError as error:
                if not self._version:
                    raise
                self._go_on(error)
                return
            if version != self._version:
                log.info("catalogue_version version=%s", version)
                with self._lock:
                    self._products.clear()
            if self._told:
                log.warning("catalogue_looked_at_again version=%s", version)
            self._version, self._look_at, self._told = version, now + LOOK_SECONDS, False
        finally:
            self._looking.release()

    def _go_on(self, error: SQLAlchemyError | None) -> None:
        """Believe the known version for as long again, so that a database that is away costs one request a second.

        Without an error it is another request that still looks, which tells what comes of it.
        """
        if not self._version:
            raise DatabaseUnavailable.because("nobody could read the catalogue's version")
        if error is not None and not self._told:
            log.error("catalogue_not_looked_at error=%s", reason_of(getattr(error, "orig", None) or error))
            self._told = True
        self._look_at = time.monotonic() + LOOK_SECONDS


def catalogue_of(request: Request) -> Catalogue:
    """Return the app's catalogue."""
    found: Catalogue = request.registry["shopapp.catalogue"]
    return found
