"""SQLite that is locked or takes no writes: 503 that says when to try again, and no traceback."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import event
from webtest import TestApp

from buying import fill, look, order, orders, sent

pytestmark = pytest.mark.only_on("sqlite", reason="tests/faults/test_postgresql_away.py is about the other one")


def path_of(settings: dict[str, Any]) -> str:
    return settings["shop.database_url"].removeprefix("sqlite:///")


def assert_refused_until(
    mended: Callable[[], Any], shop: TestApp, settings: dict[str, Any], caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    """An order is 503 and may be sent again; pages go on; when it is mended the same form is an order."""
    fill(shop)
    fields = sent(look(shop))
    caplog.clear()

    refused = order(shop, fields, status=503)

    assert refused.json["error"]["code"] == "unavailable"
    assert "You may send it again" in refused.json["error"]["message"]
    assert int(refused.headers["Retry-After"]) > 0
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.getMessage().startswith("database_unavailable path=/checkout ")
    assert reason in line.getMessage()
    assert line.exc_info is None
    shop.get("/cart", status=200)
    mended()
    assert order(shop, fields).status_int == 201
    assert len(orders(settings)) == 1


def test_locked_by_somebody_else(
    shop_with: Callable[..., TestApp], shop_settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    shop = shop_with({"shop.database_statement_timeout": "0.1"})
    with closing(sqlite3.connect(path_of(shop_settings), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        assert_refused_until(lambda: other.execute("ROLLBACK"), shop, shop_settings, caplog, "database is locked")


def test_that_takes_no_writes(
    visitor: TestApp, shop_settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    engine, state = visitor.app.registry["shopapp.sessionmaker"].kw["bind"], ["on"]
    event.listen(engine, "checkout", lambda connection, *_: connection.execute(f"PRAGMA query_only = {state[0]}"))

    assert_refused_until(lambda: state.__setitem__(0, "off"), visitor, shop_settings, caplog, "readonly")
