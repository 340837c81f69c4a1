from shopapp.redis import Client
from shopapp.sessions import admin

HANDLES = {f"{number:032x}" for number in range(2500)}


def fill(client: Client) -> None:
    """Store what looks like sessions, an index, and keys of others."""
    for handle in HANDLES:
        client.set(f"session:{handle}", "sealed")
    client.zadd("session:user:1", {"0" * 32: 1})
    client.hset("cart:user:1", "brass-pen", 1)
    client.set(f"other:session:{'0' * 32}", "not ours")


def test_every_session_is_found_once(any_redis: Client):
    fill(any_redis)

    found = list(admin.handles(any_redis, "session:"))

    assert len(found) == len(HANDLES) == admin.count(any_redis, "session:")
    assert set(found) == HANDLES


def test_clear_deletes_sessions_and_indices_and_nothing_else(any_redis: Client):
    fill(any_redis)

    assert admin.clear(any_redis, "session:") == len(HANDLES)

    assert set(any_redis.scan_iter()) == {b"cart:user:1", b"other:session:" + b"0" * 32}


def test_where_nothing_is_there_is_nothing_to_do(any_redis: Client):
    assert (admin.count(any_redis, "session:"), admin.clear(any_redis, "session:")) == (0, 0)
