"""Fixtures that stand for those of the same names in shopapp.testing.shop: the shop on PostgreSQL, in every test.

A pytest plugin, which on_database loads for ``--database postgresql``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from postgresql import new_database
from shopapp.db import create_engine_from
from shopapp.settings.shop import ShopSettings
from shopapp.testing.shop import fill_with_demo

REMEMBER = """
    CREATE SCHEMA remembered;
    CREATE TABLE remembered.sequence (name text, value bigint);
    CREATE FUNCTION remembered.put_back() RETURNS void LANGUAGE plpgsql AS $$
    DECLARE each record;
    BEGIN
        PERFORM set_config('session_replication_role', 'replica', true);  -- no trigger, no foreign key
        FOR each IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
            EXECUTE format('DELETE FROM public.%1$I', each.name);
            EXECUTE format('INSERT INTO public.%1$I SELECT * FROM remembered.%1$I', each.name);
        END LOOP;
        FOR each IN SELECT * FROM remembered.sequence LOOP
            PERFORM setval(each.name, coalesce(each.value, 1), each.value IS NOT NULL);
        END LOOP;
    END $$;
    DO $$
    DECLARE each record;
    BEGIN
        FOR each IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
            EXECUTE format('CREATE TABLE remembered.%1$I AS TABLE public.%1$I', each.name);
        END LOOP;
        INSERT INTO remembered.sequence
            SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences WHERE schemaname = 'public';
    END $$
"""
"""Keeps a copy of every row beside the tables, and a function that puts them back in some milliseconds."""


@pytest.fixture(scope="session")
def shop_database(postgresql_server: Path, migrated_postgresql_database: str) -> Iterator[str]:
    """The URL of a database with the schema and the demo data, which can put its rows back."""
    with new_database(postgresql_server, migrated_postgresql_database) as url:
        engine = create_engine_from(ShopSettings(database_url=url))
        fill_with_demo(engine)
        engine.dispose()
        with psycopg.connect(url) as connection:
            connection.execute(REMEMBER)
        yield url


@pytest.fixture
def shop_database_url(shop_database: str) -> Iterator[str]:
    """The URL of a database with the demo data and nothing else.

    It is the same one for all tests, for PostgreSQL takes a third of a second to copy one. So its rows are put back,
    but not its tables: a test that changes those is ``only_on("sqlite", …)``.
    """
    with psycopg.connect(shop_database) as connection:
        connection.execute("SELECT remembered.put_back()")
    with connections_closed():
        yield shop_database


@contextmanager
def connections_closed() -> Iterator[None]:
    """Close at the end what was connected meanwhile: no app says when it is done with its pools, and whoever is in the
    middle of a transaction keeps the next test from its rows.
    """
    opened: list[Any] = []

    def note(connection: Any, _record: object) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", note)
    try:
        yield
    finally:
        event.remove(Pool, "connect", note)
        for connection in opened:
            connection.close()
