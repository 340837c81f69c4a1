"""The Redis user that docs/deployment.md describes may do all that the shop does, and no more."""

import re
from pathlib import Path
from typing import Any

import pytest
import redis
from webtest import TestApp

import shopapp
from sentinel import Watched, ask
from shopapp.sessions.admin import clear, count
from shopapp.testing import ObservedRedis
from shopapp.testing.shop import JSON, log_in

DEPLOYMENT = Path(__file__).parents[2] / "docs" / "deployment.md"


def rights(*also: str) -> list[str]:
    """What the documentation says that the user needs, and what it needs ``also``."""
    text = DEPLOYMENT.read_text()
    more = [re.findall(rf"{re.escape(words)} `([+][^`]*)`", text)[0] for words in also]
    return " ".join(re.findall(r"`([~+][^`]*)`", text.partition("on a cluster")[0]) + more).split()


@pytest.fixture
def limited_redis(shop_redis: ObservedRedis, shop_valkey: str) -> Any:
    shop_redis.execute_command("ACL SETUSER", "shop", "on", ">password", *rights())
    client = ObservedRedis.from_url(shop_valkey, username="shop", password="password")
    yield client
    client.close()
    shop_redis.execute_command("ACL DELUSER", "shop")


def walk(app: Any) -> None:
    """Do all that the shop does with Redis, and end with one session."""
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


def test_the_documented_rights_are_enough(limited_redis: ObservedRedis, shop_settings: dict[str, Any]) -> None:
    app = shopapp.main(
        {}, **{**shop_settings, "shopapp.testing.redis": limited_redis, "redis.sessions.max_sessions": "1"}
    )
    walk(app)
    assert count(limited_redis, "session:") == clear(limited_redis, "session:") == 1


def test_they_are_enough_under_sentinels_with_a_replica_to_wait_for(
    tmp_path: Path, shop_settings: dict[str, Any]
) -> None:
    watched = Watched(tmp_path, each=2)
    own = rights("under Sentinels also", "with `redis.min_replicas` also")
    try:
        watched.start()
        for port in watched.ports:
            ask(port, "ACL SETUSER", "shop", "on", ">password", *own)
        for port in watched.sentinel_ports:
            ask(port, "ACL SETUSER", "looker", "on", ">other", *rights("A Sentinel's own user needs")[-1:])

        url = watched.url("?sentinel_username=looker&sentinel_password=other", "shop:password@")
        walk(shopapp.main({}, **without_client(shop_settings, url), **{"redis.min_replicas": "1"}))
    finally:
        watched.stop()


def test_they_are_enough_on_a_cluster(cluster: Any, cluster_url: str, shop_settings: dict[str, Any]) -> None:
    everywhere = {"target_nodes": cluster.ALL_NODES}
    cluster.execute_command("ACL SETUSER", "shop", "on", ">password", *rights("on a cluster also"), **everywhere)
    try:
        walk(shopapp.main({}, **without_client(shop_settings, cluster_url.replace("://", "://shop:password@"))))
    finally:
        cluster.execute_command("ACL DELUSER", "shop", **everywhere)


def without_client(settings: dict[str, Any], url: str) -> dict[str, Any]:
    """The settings of a shop that makes its own client, for that Redis."""
    kept = {key: value for key, value in settings.items() if not key.endswith("redis_client_callable")}
    return {**kept, "redis.sessions.redis_url": url, "redis.sessions.max_sessions": "1"}


def test_other_keys_and_commands_are_closed(limited_redis: ObservedRedis) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        limited_redis.get("other:key")
    with pytest.raises(redis.exceptions.NoPermissionError):
        limited_redis.flushall()
