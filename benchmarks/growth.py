"""``python -m benchmarks.growth``: how long the database takes for each question, from 24 products to 100,000.

On SQLite, in a new folder; with ``--postgresql URL`` on PostgreSQL too, in a database of its own for each size, which
is made and dropped. The URL is that of a server's user who may do so.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from statistics import median
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text

from shopapp import migrations
from shopapp.catalog import store
from shopapp.catalog.search import search_products
from shopapp.db import create_engine_from
from shopapp.settings.shop import ShopSettings
from shopapp.testing import many

SIZES = (24, 1_000, 10_000, 100_000)
LAST = 10**9

Times = dict[str, tuple[float, float]]
"""Question: the median and the 99th percentile in milliseconds."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--postgresql", metavar="URL", help="a PostgreSQL server to measure as well")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of products")
    parser.add_argument("--rounds", type=int, default=100, help="how often each question is asked")
    options = parser.parse_args()
    found = {}
    for size in options.sizes:
        with tempfile.TemporaryDirectory(prefix="growth") as folder:
            found["SQLite", size] = measure(f"sqlite:///{folder}/shop.sqlite", size, options.rounds)
        if options.postgresql:
            with new_database(options.postgresql) as url:
                found["PostgreSQL", size] = measure(url, size, options.rounds)
    print(table(found))


def measure(url: str, size: int, rounds: int) -> Times:
    """Fill an empty database and ask it everything."""
    engine = create_engine_from(ShopSettings(database_url=url))
    try:
        fill(engine, size)
        with engine.connect() as connection:
            asked = statements_of(connection)
            with closing(connection.connection.cursor()) as cursor:
                times = {name: [run(cursor, each) for _ in range(rounds)] for name, each in asked.items()}
    finally:
        engine.dispose()
    return {name: (median(each), sorted(each)[int(len(each) * 0.99)]) for name, each in times.items()}


def fill(engine: Engine, size: int) -> None:
    """Make so many products, and on PostgreSQL what autovacuum does a minute later."""
    with engine.connect() as connection:
        migrations.upgrade(connection)
    start = time.perf_counter()
    with engine.begin() as connection:
        many.fill(connection, size)
    print(f"{engine.dialect.name}: {size:,} products in {time.perf_counter() - start:.1f} s", file=sys.stderr)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def questions(connection: Connection) -> dict[str, Callable[[], object]]:
    """Return what a shop asks: a name and a function for each."""
    lists, search = store.list_products, search_products
    middle = lists(connection).pages // 2
    product = lists(connection, "kitchen").products[-1]
    rare = connection.scalar(text("SELECT name FROM product WHERE sku = 'many-7'")).split()[0]
    return {
        "home": lambda: lists(connection),
        "page 50": lambda: lists(connection, page=50),
        "page in the middle": lambda: lists(connection, page=middle),
        "last page": lambda: lists(connection, page=LAST),
        "category": lambda: lists(connection, "kitchen"),
        "category, last page": lambda: lists(connection, "kitchen", page=LAST),
        "by price": lambda: lists(connection, sort="price"),
        "by price, downward": lambda: lists(connection, sort="-price"),
        "newest": lambda: lists(connection, sort="newest"),
        "newest, page in the middle": lambda: lists(connection, sort="newest", page=middle),
        "product": lambda: store.products_by_sku(connection, [product.sku]),
        "related": lambda: store.related_products(connection, product),
        "categories": lambda: store.list_categories(connection),
        "search: one product has it": lambda: search(connection, rare),
        "search: mugs": lambda: search(connection, "mugs"),
        "search: steel": lambda: search(connection, "steel"),
        "search: steel, by price": lambda: search(connection, "steel", sort="price"),
        "search: steel, in a category": lambda: search(connection, "steel", "kitchen"),
        "search: brass kettle": lambda: search(connection, "brass kettle"),
        "search: steel handle": lambda: search(connection, "steel handle"),
        "search: nobody has it": lambda: search(connection, "xyzzy"),
        "search: kettel": lambda: search(connection, "kettel"),
    }


def statements_of(connection: Connection) -> dict[str, list[tuple[str, Any]]]:
    """Return the SQL of each question, so that it can be run without SQLAlchemy's and our own Python around it."""
    noted: list[tuple[str, Any]] = []
    asked = {}
    event.listen(connection, "before_cursor_execute", lambda *args: noted.append((args[2], args[3])))
    for name, ask in questions(connection).items():
        noted.clear()
        ask()
        asked[name] = list(noted)
    return asked


def run(cursor: Any, statements: list[tuple[str, Any]]) -> float:
    """Return how many milliseconds the driver takes, rows included."""
    start = time.perf_counter()
    for statement, parameters in statements:
        cursor.execute(statement, parameters)
        cursor.fetchall()
    return (time.perf_counter() - start) * 1000


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """The URL of an empty database, which is dropped at the end."""
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"growth_{time.time_ns()}"
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
            try:
                yield url.set(database=name).render_as_string(hide_password=False)
            finally:
                connection.execute(text(f"DROP DATABASE {name}"))
    finally:
        engine.dispose()


def table(found: dict[tuple[str, int], Times]) -> str:
    """Return a Markdown table: median (99th percentile)."""
    head = ["ms, median (99th percentile)", *(f"{database} {size:,}" for database, size in found)]
    lines = [head, ["---", *("--:" for _ in found)]]
    for question in next(iter(found.values())):
        cells = (times[question] for times in found.values())
        lines.append([question, *(f"{middle:.2f} ({worst:.2f})" for middle, worst in cells)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
