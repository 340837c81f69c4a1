"""The Redis user that docs/deployment.md describes may do all that the shop does, and no more."""

import re
from pathlib import Path
from typing import Any

import pytest
import redis
from webtest import TestApp

import shopapp
from shopapp.sessions.admin import clear, count
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

DEPLOYMENT = Path(__file__).parents[2] / "docs" / "deployment.md"


@pytest.fixture
def limited_redis(shop_redis: ObservedRedis, shop_valkey: str) -> Any:
    rights = " ".join(re.findall(r"`([~+][^`]*)`", DEPLOYMENT.read_text().partition("on a cluster")[0])).split()
    shop_redis.execute_command("ACL SETUSER", "shop", "on", ">password", *rights)
    client = ObservedRedis.from_url(shop_valkey, username="shop", password="password")
    yield client
    client.close()
    shop_redis.execute_command("ACL DELUSER", "shop")


def test_the_documented_rights_are_enough(limited_redis: ObservedRedis, shop_settings: dict[str, Any]) -> None:
    app = shopapp.main(
        {}, **{**shop_settings, "shopapp.testing.redis": limited_redis, "redis.sessions.max_sessions": "1"}
    )
    visitor, other = (TestApp(app, extra_environ={"REMOTE_ADDR": "192.0.2.1"}) for _ in range(2))

    sku = visitor.get("/", headers=JSON).json["products"][0]["sku"]
    visitor.post("/cart/items", {"sku": sku, "press": "one"}, headers=JSON)
    visitor.post(f"/cart/items/{sku}", {"quantity": "3"}, headers=JSON)
    log_in(visitor)
    log_in(other)
    log_in(visitor)
    assert visitor.get("/cart", headers=JSON).json["count"] == 3
    assert len(visitor.get("/account/sessions", headers=JSON).json["sessions"]) == 1
    visitor.post("/account/sessions/end-others", headers=JSON)
    visitor.post(f"/cart/items/{sku}", {"quantity": "0"}, headers=JSON)
    visitor.get("/readyz")
    visitor.post("/logout", headers=JSON)
    log_in(other)
    assert count(limited_redis, "session:") == clear(limited_redis, "session:") == 1


def test_other_keys_and_commands_are_closed(limited_redis: ObservedRedis) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        limited_redis.get("other:key")
    with pytest.raises(redis.exceptions.NoPermissionError):
        limited_redis.flushall()
