"""``python -m benchmarks.growth_pages``: what pages take with 24 products and 100,000, and beside four who search.

The shop is called in one process, without a server: warm, from memory, and cold, when the catalogue has just changed.
On SQLite, and on PostgreSQL where its programs are installed.
"""

import argparse
import logging
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, product
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sqlalchemy import create_engine, text
from webob import Request

import shopapp
from benchmarks.growth import fill
from benchmarks.postgresql import DATABASE, OWNER, postgresql, postgresql_is_missing
from shopapp.catalog import memory
from shopapp.db import create_engine_from
from shopapp.embedded import start_server, stop_server
from shopapp.settings.shop import ShopSettings

SIZES = (24, 100_000)
PAGES = {
    "home": "/",
    "page 50": "/?page=50",
    "last page": "/?page=last",
    "a category": "/?category=kitchen",
    "by price": "/?sort=price",
    "newest": "/?sort=newest",
    "a product": "/products/many-7",
    "search that hits": "/?q=mugs",
    "search that misses": "/?q=xyzzy",
    "search with a mistake": "/?q=kettel",
}
SEARCHERS = 4
WORDS = ("steel", "oak", "brass", "linen", "kettle", "mug", "lamp", "notebook", "garden", "large", "round", "handle")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth_pages", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of products")
    parser.add_argument("--warm", type=int, default=400, help="how often each page is asked for")
    parser.add_argument("--cold", type=int, default=40, help="how often after a change")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long four people search")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    for name, url in databases():
        for size in options.sizes:
            with url() as database:
                measure(f"{name}, {size:,} products", database, size, options)


def databases() -> Iterator[tuple[str, Any]]:
    """Return what there is: a name, and a context manager of an empty database's URL."""
    yield "SQLite", sqlite_url
    if postgresql_is_missing():
        print(f"PostgreSQL is left out: {postgresql_is_missing()}")
    else:
        yield "PostgreSQL", postgresql_url


@contextmanager
def sqlite_url() -> Iterator[str]:
    """The URL of a file that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="growth") as folder:
        yield f"sqlite:///{folder}/shop.sqlite"


@contextmanager
def postgresql_url() -> Iterator[str]:
    """The URL of a server's own that is thrown away."""
    with postgresql() as home:
        yield f"postgresql+psycopg://{OWNER}@/{DATABASE}?host={home}"


def measure(title: str, url: str, size: int, options: argparse.Namespace) -> None:
    """Fill a database, open a shop on it and print what its pages take."""
    engine = create_engine_from(ShopSettings(database_url=url))
    fill(engine, size)
    with tempfile.TemporaryDirectory() as folder:
        try:
            app = shopapp.main(
                {},
                **{
                    "redis.sessions.secret": "a-secret-for-benchmarks-only-1d5c80e2f7a94b36",
                    "redis.sessions.redis_url": f"unix://{start_server(Path(folder) / 'valkey')}",
                    "shop.database_url": url,
                },
            )
            print(f"\n{title}: ms a page, median (99th percentile)\n\n| | warm | cold |\n|---|--:|--:|")
            pages = -(-size // 12)
            for name, path in PAGES.items():
                asked = path.replace("page=last", f"page={pages}").replace("page=50", f"page={min(50, pages)}")
                print(
                    f"| {name} | {times(app, asked, options.warm)} | {cold(app, asked, url, options.cold)} |",
                    flush=True,
                )
            beside_searches(app, options.seconds)
        finally:
            stop_server(Path(folder) / "valkey")
    engine.dispose()


def times(app: Any, path: str, number: int) -> str:
    """Return what a page takes that is in memory."""
    memory.LOOK_SECONDS = 1.0
    ask(app, path)
    return written([ask(app, path) for _ in range(number)])


def cold(app: Any, path: str, url: str, number: int) -> str:
    """Return what it takes when the catalogue has changed just before."""
    memory.LOOK_SECONDS = 0.0
    time.sleep(1.1)  # the last look counts for a second
    engine = create_engine(url)
    taken = []
    for _ in range(number):
        with engine.begin() as connection:
            connection.execute(text("UPDATE product SET stock = stock + 1 WHERE sku = 'many-3'"))
        taken.append(ask(app, path))
    engine.dispose()
    return written(taken)


def beside_searches(app: Any, seconds: float) -> None:
    """Print what home takes while four people search for something else each time, and while nobody does."""
    memory.LOOK_SECONDS = 1.0
    quiet = [ask(app, "/") for _ in range(1000)]
    over, searches = threading.Event(), []
    # Each its own words, so that none of it is in memory.
    queries = cycle("/?q=" + "+".join(words) for words in product(WORDS, WORDS, WORDS))
    lock = threading.Lock()

    def search() -> None:
        while not over.is_set():
            with lock:
                path = next(queries)
            searches.append(ask(app, path))

    threads = [threading.Thread(target=search) for _ in range(SEARCHERS)]
    for thread in threads:
        thread.start()
    end, beside = time.monotonic() + seconds, []
    while time.monotonic() < end:
        beside.append(ask(app, "/"))
        time.sleep(0.005)
    over.set()
    for thread in threads:
        thread.join()
    print(f"\nHome {written(quiet)}; beside {SEARCHERS} who search ({written(searches)} a search) {written(beside)}")


def ask(app: Any, path: str) -> float:
    """Return how many milliseconds it takes to get a page. Raises RuntimeError if it is not there."""
    request = Request.blank(path)
    start = time.perf_counter()
    response = request.get_response(app)
    taken = (time.perf_counter() - start) * 1000
    if response.status_int != 200:
        raise RuntimeError(f"{path}: {response.status}")
    return taken


def written(taken: list[float]) -> str:
    """Write a median and a 99th percentile."""
    return f"{median(taken):.2f} ({quantiles(taken, n=100)[98]:.1f})"


if __name__ == "__main__":
    main()
