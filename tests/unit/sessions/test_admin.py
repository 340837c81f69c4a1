import time

from shopapp.redis import Client
from shopapp.sessions import admin, make_index
from shopapp.sessions.header import Header, Person, Start
from shopapp.sessions.ids import SessionId
from shopapp.sessions.record import Sealer
from shopapp.sessions.settings import DAY, SessionSettings
from shopapp.testing import TEST_SECRET

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


def test_every_list_is_made_whole_again(any_redis: Client):
    settings = SessionSettings(secrets=(TEST_SECRET,))
    index, now = make_index(any_redis, settings), int(time.time())
    store(any_redis, "1" * 32, 1, now - 20)
    store(any_redis, "2" * 32, 1, now - 10)
    store(any_redis, "3" * 32, "mary", now)
    store(any_redis, "4" * 32, None, now)
    store(any_redis, "5" * 32, 1, now - 10 * DAY)
    any_redis.set(f"session:{'6' * 32}", "rubbish")
    any_redis.set("session:user:mary", "rubbish")
    assert index.enter(["2" * 32]) == (1, 1)

    assert admin.reindex(any_redis, "session:", index) == (3, 2)
    assert admin.reindex(any_redis, "session:", index) == (3, 0)

    assert any_redis.zrange("session:user:1", 0, -1) == [b"1" * 32, b"2" * 32]
    assert [info.handle for info in index.sessions("mary")[0]] == ["3" * 32]
    assert 0 < any_redis.ttl("session:user:mary") <= 30 * DAY


def store(client: Client, handle: str, user_id: int | str | None, at: int) -> None:
    """Store a session that began at this time, and may be as old as a day."""
    person = None if user_id is None else Person(user_id)
    header = Header.first("salt", SessionId("series", 0, "secret"), Start(person, 0, DAY), at)
    key = f"session:{handle}"
    client.set(key, Sealer([TEST_SECRET]).seal(key, header, b"{}").value)
