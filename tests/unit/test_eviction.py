"""What Redis says of evicting keys, a server or a cluster, and whoever forbids it to say so."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from shopapp.redis import Client, evicting_policies
from shopapp.sessions.settings import SessionSettings
from shopapp.settings.mail import MailSettings
from shopapp.settings.metrics import MetricsSettings
from shopapp.settings.shop import Settings, ShopSettings
from shopapp.starting import CannotStartError, check_eviction
from shopapp.testing import ObservedRedis


@pytest.fixture
def evicting(any_redis: Client) -> Iterator[Client]:
    """A Redis, one of whose servers evicts what has a time to live."""
    is_cluster = isinstance(any_redis, redis.RedisCluster)
    one = any_redis.get_redis_connection(any_redis.get_primaries()[-1]) if is_cluster else any_redis
    one.config_set("maxmemory-policy", "volatile-lru")
    yield any_redis
    one.config_set("maxmemory-policy", "noeviction")


def test_one_server_that_evicts_is_enough(evicting: Client) -> None:
    assert evicting_policies(evicting) == ["volatile-lru"]


def test_others_are_good(any_redis: Client) -> None:
    assert evicting_policies(any_redis) == []


@pytest.mark.parametrize(("rights", "found"), [("-info", []), ("-config", []), ("-info -config", None)])
def test_where_one_way_to_ask_is_forbidden_the_other_does(
    shop_redis: ObservedRedis, shop_valkey: str, rights: str, found: list[str] | None
) -> None:
    shop_redis.execute_command("ACL SETUSER", "asker", "on", ">password", "~*", "+@all", *rights.split())
    with redis.Redis.from_url(shop_valkey, username="asker", password="password") as client:
        assert evicting_policies(client) == found
    shop_redis.execute_command("ACL DELUSER", "asker")


def settings(*, production: bool = True, **sessions: Any) -> Settings:
    return Settings(
        sessions=SessionSettings(**sessions),
        shop=ShopSettings(production=production),
        mail=MailSettings(),
        metrics=MetricsSettings(),
    )


def test_production_does_not_start_on_it_and_says_what_to_do(shop_redis: ObservedRedis) -> None:
    shop_redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(
            CannotStartError, match=r"maxmemory-policy allkeys-lru: .*noeviction.*allow_eviction = true"
        ):
            check_eviction(shop_redis, settings())
        check_eviction(shop_redis, settings(allow_eviction=True))
        check_eviction(shop_redis, settings(production=False))
    finally:
        shop_redis.config_set("maxmemory-policy", "noeviction")
    check_eviction(shop_redis, settings())
