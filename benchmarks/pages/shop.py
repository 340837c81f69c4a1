"""Our shop as ``production.ini`` has it, and what is in the database that all contenders read."""

import logging
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from pyramid.paster import get_app, setup_logging
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from benchmarks.contenders import ROOT
from benchmarks.postgresql import DATABASE, OWNER
from shopapp.accounts.models import User
from shopapp.accounts.passwords import hash_password
from shopapp.catalog import demo
from shopapp.migrations import upgrade

INI = str(ROOT / "production.ini")

PEOPLE = 64
"""Four for each connection, served in turn: so no two requests that are in flight have the same one."""

PASSWORD = "a long walk along the shore"


def email_of(number: int) -> str:
    """Return the address that one of the people signs in with."""
    return f"person{number}@example.com"


def name_of(number: int) -> str:
    """Return the name that a page shows when one of the people is signed in."""
    return f"Person {number}"


def environment(redis_socket: Path, postgresql_socket: Path) -> dict[str, str]:
    """Return what tells all contenders where Redis and PostgreSQL are. PG… is read by libpq and by node's pg alike."""
    return {
        "SESSION_SECRET": token_urlsafe(48),
        "REDIS_URL": f"unix://{redis_socket}",
        "DATABASE_URL": f"postgresql+psycopg://{OWNER}@/{DATABASE}?host={postgresql_socket}",
        "BENCH_REDIS_SOCKET": str(redis_socket),
        "PGHOST": str(postgresql_socket),
        "PGUSER": OWNER,
        "PGDATABASE": DATABASE,
    }


def app_from_environment() -> Any:
    """Return our shop with its log, for a server."""
    setup_logging(INI)
    # 16 clients on 4 threads is the point; waitress would write a line about each that has to wait.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    return make_shop()


def make_shop() -> Any:
    """Return our shop."""
    return get_app(INI)


def fill(database_url: str) -> None:
    """Make the tables, the demo products and an account for each of the people, all with one password."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        upgrade(connection)
    password_hash = hash_password(PASSWORD)
    numbers = range(1, PEOPLE + 1)
    with Session(engine) as dbsession, dbsession.begin():
        demo.fill(dbsession)
        dbsession.add_all(
            User(email=email_of(number), name=name_of(number), password_hash=password_hash) for number in numbers
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()
