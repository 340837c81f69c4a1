"""Fixtures of the catalogue's tests: an empty catalogue on each database."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shopapp.db import Base, create_engine_from
from shopapp.settings.shop import ShopSettings


@pytest.fixture
def engine(each_database_url: str) -> Iterator[Engine]:
    """An engine on a database with all tables, empty."""
    engine = create_engine_from(ShopSettings(database_url=each_database_url))
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def dbsession(engine: Engine) -> Iterator[Session]:
    """A session of its own, without request: what it does is rolled back unless the test commits."""
    with Session(engine) as dbsession:
        yield dbsession
