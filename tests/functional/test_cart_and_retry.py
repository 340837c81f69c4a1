"""A request that runs again because of its session does to the cart once what was asked for."""

import time
from collections.abc import Callable
from typing import Any

from webtest import TestApp

from shopapp.redis import Client
from shopapp.sessions.data import Codec, check_plain, decode_json, encode_json
from shopapp.sessions.header import NO_CHANGE, Start
from shopapp.sessions.ids import IdIssuer
from shopapp.sessions.policy import Policy
from shopapp.sessions.record import Sealer
from shopapp.sessions.settings import SessionSettings
from shopapp.sessions.signing import CookieSigner
from shopapp.sessions.store import SessionStore
from shopapp.testing import TEST_SECRET, ObservedRedis
from shopapp.testing.shop import JSON

SECRETS = (TEST_SECRET,)


def cookie_of_a_session_without_a_cart(client: Client, now: int) -> str:
    """Store a session as another page might have begun it; return its cookie."""
    policy, ids = Policy.of(SessionSettings(secrets=SECRETS)), IdIssuer(SECRETS)
    codec = Codec(serialize=encode_json, deserialize=decode_json, check=check_plain, max_size=1000)
    store = SessionStore(client, Sealer(SECRETS), ids, policy, codec)
    store.create("series", "salt", Start(None, 3600, 3600), NO_CHANGE, encode_json({"theme": "dark"}), now)
    return CookieSigner(SECRETS).dumps(str(ids.issue("series", "salt", 0))).decode()


def test_two_first_adds_at_the_same_moment_are_two(
    new_visitor: Callable[[], TestApp], shop_redis: ObservedRedis
) -> None:
    cookie = cookie_of_a_session_without_a_cart(shop_redis, int(time.time()))
    tabs = [new_visitor(), new_visitor()]
    for tab in tabs:
        tab.set_cookie("session", cookie)
    seen: list[str] = []

    def add_in_the_other_tab(name: str) -> None:
        seen.append(name)
        if len(seen) == 2:  # the first has read its session, and is about to write it
            shop_redis.before = lambda _name: None
            tabs[1].post("/cart/items", {"sku": "stoneware-mug"}, headers=JSON)

    shop_redis.before = add_in_the_other_tab
    answer: Any = tabs[0].post("/cart/items", {"sku": "stoneware-mug"}, headers=JSON)

    assert answer.json["count"] == 2
    assert tabs[1].get("/cart", headers=JSON).json["count"] == 2
