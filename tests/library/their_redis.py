"""What the library's tests take for Redis: a real one, where they find our sessions by id or by a name of their own."""

import os
from typing import Any

import redis

from shopapp.sessions.ids import SessionId
from shopapp.sessions.signing import CookieSigner

URL = os.environ["LIBRARY_TESTS_REDIS"]

names: dict[str, str] = {}
"""The id of ours that a test's own name of a session stands for."""


class Backend(redis.Redis):
    """The real client on an empty Redis, in place of the tests' dict: asked for a session by its id."""

    _pool = redis.ConnectionPool.from_url(URL)

    def __init__(self, **_options: Any) -> None:
        super().__init__(connection_pool=self._pool)
        self.flushall()
        names.clear()

    def get(self, name: str) -> bytes | None:
        return super().get(key_of(name))

    @property
    def _store(self) -> "Stored":
        return Stored(self)

    @_store.setter
    def _store(self, values: dict[str, bytes]) -> None:
        assert not values, "all that the tests do is to empty it"
        self.flushall()


class Stored:
    """What is in Redis, as a dict by session id."""

    def __init__(self, client: Backend) -> None:
        self._client = client

    def __contains__(self, session_id: str) -> bool:
        return self._client.get(session_id) is not None

    def __getitem__(self, session_id: str) -> bytes:
        value = self._client.get(session_id)
        assert value is not None
        return value

    def __setitem__(self, session_id: str, value: bytes) -> None:
        self._client.set(key_of(session_id), value, keepttl=True)


class Signer:
    """In place of WebOb's, for the tests' own cookies."""

    def __init__(self, secret: str, *_args: Any, **_options: Any) -> None:
        self._signer = CookieSigner([secret])

    def dumps(self, session_id: str) -> bytes:
        assert isinstance(session_id, str), "no session was stored"
        return self._signer.dumps(id_of(session_id))


def id_of(name: str) -> str:
    """Return the id of ours for a name that a test uses; one of ours is itself, and any other is of no session."""
    return names.get(name) or (name if SessionId.parse(name) else f"{name}.0.none")


def key_of(name: str) -> str:
    """Return the Redis key of a session that a test asks for by its id; a key is itself."""
    found = SessionId.parse(names.get(name, name))
    return f"session:{found.handle}" if found else name
