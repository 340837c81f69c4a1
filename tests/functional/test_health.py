"""What load balancers and monitoring ask."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis
from webtest import TestApp

from on_database import Database
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in


def away(_command: str) -> None:
    raise redis.ConnectionError("away")


def test_the_process_is_alive_and_asks_nobody(visitor: TestApp, shop_redis: ObservedRedis) -> None:
    shop_redis.before = away

    assert visitor.get("/healthz").json == {"status": "ok"}


def test_the_process_is_ready_when_redis_and_the_database_answer(visitor: TestApp, shop_redis: ObservedRedis) -> None:
    assert visitor.get("/readyz").json == {"status": "ready"}
    assert shop_redis.commands == ["PING", "INFO"]


def test_without_redis_it_is_not_ready_and_says_so_until_redis_is_back(
    visitor: TestApp, shop_redis: ObservedRedis
) -> None:
    shop_redis.before = away
    response = visitor.get("/readyz", headers=JSON, status=503)
    assert response.json["error"]["code"] == "unavailable"
    assert int(response.headers["Retry-After"]) > 0

    shop_redis.before = lambda _command: None
    visitor.get("/readyz", status=200)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_redis_that_evicts_sessions_is_not_ready_unless_that_is_allowed(
    visitor: TestApp,
    shop_with: Callable[..., TestApp],
    shop_redis: ObservedRedis,
    caplog: pytest.LogCaptureFixture,
    policy: str,
) -> None:
    """Also one that was away at the start, or that somebody has set so since."""
    shop_redis.config_set("maxmemory-policy", policy)
    try:
        body = visitor.get("/readyz", status=503).json
        assert body["error"]["message"] == "Not ready: redis. The log says why."
        assert f"redis_not_ready maxmemory-policy is {policy}" in caplog.text
        shop_with({"redis.sessions.allow_eviction": "true"}).get("/readyz", status=200)
    finally:
        shop_redis.config_set("maxmemory-policy", "noeviction")
    visitor.get("/readyz", status=200)


def assert_not_ready(shop: TestApp, caplog: pytest.LogCaptureFixture, *words: str) -> None:
    """It says 503 as JSON, whoever asks, and one line in the log says why. The process is alive."""
    caplog.clear()
    response = shop.get("/readyz", status=503)

    assert response.json["error"]["code"] == "unavailable"
    assert int(response.headers["Retry-After"]) > 0
    for private in ("sqlite", "trigger", "table", "migration"):
        assert private not in response.text.lower()
    (record,) = [each for each in caplog.records if each.levelname == "ERROR"]
    line = record.getMessage()
    assert line.startswith("database_not_ready ")
    assert "\n" not in line
    assert record.exc_info is None
    assert [word for word in words if word not in line] == []
    shop.get("/healthz", status=200)


def test_without_its_database_it_is_not_ready_but_alive(
    shop_with: Callable[..., TestApp], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop = shop_with({"shop.database_url": f"sqlite:///{tmp_path}"})  # a directory is no database

    assert_not_ready(shop, caplog, "unable to open", "shop.database_url")


def test_with_a_database_without_tables_it_is_not_ready(
    shop_with: Callable[..., TestApp], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop = shop_with({"shop.database_url": f"sqlite:///{tmp_path}/new.sqlite"})

    assert_not_ready(shop, caplog, "no such table", "shopapp db upgrade")


def test_with_an_old_database_it_is_not_ready_until_that_is_upgraded(
    visitor: TestApp, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    ((now,),) = database.execute("SELECT version_num FROM alembic_version").fetchall()
    database.execute("UPDATE alembic_version SET version_num = '0003'")
    assert_not_ready(visitor, caplog, "0003", now, "shopapp db upgrade")

    database.execute("UPDATE alembic_version SET version_num = ?", [now])
    assert visitor.get("/readyz").json == {"status": "ready"}


@pytest.mark.only_on("sqlite", reason="its triggers; the next but one does it on PostgreSQL")
def test_with_a_trigger_less_it_is_not_ready(
    visitor: TestApp, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.execute("DROP TRIGGER product_raises_version_at_update")

    assert_not_ready(visitor, caplog, "product_raises_version_at_update", "shopapp", "db upgrade")


def test_on_postgresql_it_tells_the_same(
    shop_with: Callable[..., TestApp], migrated_postgresql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    shop = shop_with({"shop.database_url": migrated_postgresql_url})
    try:
        shop.get("/readyz", status=200)
        with psycopg.connect(migrated_postgresql_url, autocommit=True) as connection:
            connection.execute("DROP TRIGGER product_raises_version ON product")
            assert_not_ready(shop, caplog, "product_raises_version")
            connection.execute("ALTER TABLE alembic_version RENAME TO elsewhere")
            assert_not_ready(shop, caplog, "alembic_version", "does not exist", "shopapp db upgrade")
    finally:
        shop.app.registry["shopapp.sessionmaker"].kw["bind"].dispose()


def test_health_needs_no_session_even_with_a_cookie(customer: TestApp, shop_redis: ObservedRedis) -> None:
    shop_redis.commands.clear()

    customer.get("/healthz")
    customer.get("/metrics")
    customer.get("/readyz")

    assert shop_redis.commands == ["PING", "INFO"]


def count(browser: TestApp, event: str, reason: str = "") -> float:
    """Read a counter. It is of the process, so it counts other tests' events too."""
    name = f'shopapp_events_total{{event="{event}",reason="{reason}"}} '
    return sum(
        float(line.removeprefix(name)) for line in browser.get("/metrics").text.splitlines() if line.startswith(name)
    )


def test_metrics_are_in_the_format_of_prometheus(visitor: TestApp) -> None:
    response = visitor.get("/metrics")

    assert response.content_type == "text/plain"
    assert "# TYPE shopapp_events_total counter" in response.text


def test_what_happens_is_counted(visitor: TestApp) -> None:
    events = [
        ("UserLoggedIn", ""),
        ("UserLoginFailed", ""),
        ("UserLoggedOut", ""),
        ("CartItemAdded", ""),
        ("CartItemRemoved", ""),
        ("CartMerged", ""),
        ("SessionStarted", ""),
        ("SessionRotated", "login"),
        ("SessionEnded", "logout"),
    ]
    before = {event: count(visitor, *event) for event in events}

    visitor.post("/cart/items", {"sku": "brass-pen"}, headers=JSON)
    visitor.post("/login", {"email": "demo@example.com", "password": "wrong"}, headers=JSON, status=401)
    log_in(visitor)
    visitor.post("/cart/items/brass-pen", {"quantity": "0"}, headers=JSON)
    visitor.post("/logout", headers=JSON)

    assert {event: count(visitor, *event) - before[event] for event in events} == dict.fromkeys(events, 1)


def test_no_metric_holds_what_a_person_typed(visitor: TestApp) -> None:
    visitor.post("/login", {"email": "typed@example.com", "password": "typed-password"}, headers=JSON, status=401)
    log_in(visitor)

    metrics = visitor.get("/metrics").text

    for private in ("typed@example.com", "typed-password", "demo@example.com"):
        assert private not in metrics
