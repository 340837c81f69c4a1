"""Fixtures of the catalogue's tests: an empty catalogue on each database."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from postgresql import shared_engine
from shopapp.testing import many


@pytest.fixture
def engine(migrated_engine: Engine) -> Engine:
    """An engine on a database with all tables and triggers, empty."""
    return migrated_engine


@pytest.fixture
def dbsession(engine: Engine) -> Iterator[Session]:
    """A session of its own, without request: what it does is rolled back unless the test commits."""
    with Session(engine) as dbsession:
        yield dbsession


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection: what is done on it is rolled back unless the test commits."""
    with engine.connect() as connection:
        yield connection


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def crowd_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine on a database with 20,000 products, made once. Nobody may change them."""
    with shared_engine(request, tmp_path_factory) as engine:
        with engine.begin() as connection:
            many.fill(connection, 20_000)
        if request.param == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
        yield engine


@pytest.fixture
def crowd(crowd_engine: Engine) -> Iterator[Connection]:
    """A connection to them; what is done on it is rolled back."""
    with crowd_engine.connect() as connection:
        yield connection
