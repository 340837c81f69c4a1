import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from shopapp.db.away import is_unable


def test_a_disk_that_is_full_is_no_mistake_of_ours(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "full.sqlite")) as connection:
        connection.execute("PRAGMA max_page_count = 2")
        connection.execute("CREATE TABLE things (name text)")
        with pytest.raises(sqlite3.OperationalError) as full:
            connection.execute("INSERT INTO things VALUES (?)", ["x" * 100_000])
        with pytest.raises(sqlite3.OperationalError) as mistake:
            connection.execute("SELECT * FROM nothing")

    assert is_unable(full.value)
    assert not is_unable(mistake.value)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.QueryCanceled(), True),
        (errors.AdminShutdown(), True),
        (errors.DiskFull(), True),
        (errors.TooManyConnections(), True),
        (errors.ReadOnlySqlTransaction(), True),
        (errors.DeadlockDetected(), True),
        (errors.UniqueViolation(), False),
        (errors.UndefinedTable(), False),
        (errors.InFailedSqlTransaction(), False),
        (psycopg.ProgrammingError("a mistake"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_codes_of_postgresql_tell_an_outage_from_a_mistake(error: Exception, expected: bool):
    assert is_unable(error) is expected
