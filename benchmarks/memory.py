"""``python -m benchmarks.memory``: how much memory one process of the shop takes, and that it does not grow.

In one thread, without a server: requests of all kinds while the catalogue's version is raised again and again.
"""

import argparse
import logging
import os
import random
import re
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

from webob import Request

import shopapp
from shopapp.accounts.models import User
from shopapp.accounts.passwords import hash_password
from shopapp.catalog import memory
from shopapp.db import create_engine_from
from shopapp.embedded import start_server, stop_server
from shopapp.migrations import upgrade
from shopapp.settings.shop import load_settings
from shopapp.testing import many

CHECKS = 10
EMAIL, PASSWORD = "somebody@example.com", "a password of somebody"
WORDS = ("mug", "kettle", "oak", "steel", "lamp", "linen", "notebook", "kettel", "xyzzy", "hammer", "copper", "vase")
MIB = 2**20


def main() -> int:
    """Measure and print; return 1 if it grew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--versions", type=int, default=2_000)
    parser.add_argument("--products", type=int, default=24)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        try:
            taken = measure(Path(folder), options)
        finally:
            stop_server(f"{folder}/valkey")
    half = len(taken) // 2
    grown = max(taken[half:]) - max(taken[:half])
    print(f"grown in the second half: {grown / MIB:.1f} MiB")
    return int(grown > 8 * MIB)


def measure(folder: Path, options: argparse.Namespace) -> list[int]:
    """Return the memory in bytes at so many moments, the first after a tenth of the requests."""
    settings = {
        "redis.sessions.secret": "a-secret-for-benchmarks-only-1d5c80e2f7a94b36",
        "redis.sessions.redis_url": f"unix://{start_server(f'{folder}/valkey')}",
        "shop.database_url": f"sqlite:///{folder}/shop.sqlite",
    }
    fill(settings, options.products)
    memory.LOOK_SECONDS = 0.0  # each request looks: so many versions do not fit into so short a time otherwise
    app = shopapp.main({}, **settings)
    cookie = sign_in(app)
    chance, taken = random.Random(1), []
    with sqlite3.connect(f"{folder}/shop.sqlite", isolation_level=None) as database:
        for number in range(options.requests):
            if number % max(1, options.requests // options.versions) == 0:
                sku = f"many-{chance.randrange(options.products)}"
                database.execute("UPDATE product SET stock = stock + 1 WHERE sku = ?", [sku])
            ask(app, some_path(chance, options.products), cookie if chance.random() < 0.3 else "")
            if (number + 1) % (options.requests // CHECKS) == 0:
                taken.append(resident_bytes())
                print(f"{number + 1:9,} requests: {taken[-1] / MIB:6.1f} MiB", flush=True)
    return taken


def fill(settings: dict[str, str], products: int) -> None:
    """Make the database, with so many products and one person."""
    engine = create_engine_from(load_settings(settings, {}).shop)
    with engine.connect() as connection:
        upgrade(connection)
    with engine.begin() as connection:
        many.fill(connection, products)
        person = {"email": EMAIL, "name": "Some Body", "password_hash": hash_password(PASSWORD)}
        connection.execute(User.__table__.insert(), [person])
    engine.dispose()


def sign_in(app: Any) -> str:
    """Return the cookie of somebody who is signed in and has some things in their cart."""
    login = Request.blank("/login", POST={"email": EMAIL, "password": PASSWORD}).get_response(app)
    cookie = re.match(r"[^;]+", login.headers["Set-Cookie"])[0]  # type: ignore[index]
    for number in range(5):
        Request.blank("/cart/items", POST={"sku": f"many-{number}"}, headers={"Cookie": cookie}).get_response(app)
    return cookie


def some_path(chance: random.Random, products: int) -> str:
    """Return a path that somebody may ask for: pages at random, and some far more often than others."""
    kind = chance.random()
    if kind < 0.3:
        return "/"
    if kind < 0.6:
        return f"/products/many-{chance.randrange(products)}"
    if kind < 0.8:
        return f"/?page={chance.randrange(1, max(2, products // 12))}"
    if kind < 0.9:
        return f"/?q={chance.choice(WORDS)}+{chance.choice(WORDS)}"
    return "/cart"


def ask(app: Any, path: str, cookie: str) -> None:
    """Ask for a page. Raises RuntimeError if it is not there."""
    response = Request.blank(path, headers={"Cookie": cookie} if cookie else {}).get_response(app)
    if response.status_int not in (200, 404):
        raise RuntimeError(f"{path}: {response.status}")


def resident_bytes() -> int:
    """Return the memory that this process has of its own and in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


if __name__ == "__main__":
    sys.exit(main())
