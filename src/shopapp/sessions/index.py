"""Which sessions a person has: to list them, to end them, to limit how many there are. Knows no HTTP.

One sorted set per person holds the handles of their sessions by the time of login. It is only a list of where to look:
what counts is the session's own record, so an entry without one is stale, is passed over and removed.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from redis import Redis

from shopapp.redis import unavailable_on_error
from shopapp.sessions.record import Header, Sealer

MANY = 50
"""An index with more entries is swept at the next login."""

# KEYS: the index. ARGV: time, handle, seconds to keep the index ("" for ever). Returns all handles, oldest first.
ADD = """
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
if ARGV[3] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('EXPIRE', KEYS[1], ARGV[3]) end
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""


@dataclass(frozen=True)
class SessionInfo:
    """One live session of a person. ``address`` and ``agent`` are those of the login; ``last_used_at`` is as exact as
    ``redis.sessions.timeout_trigger``.
    """

    handle: str
    created_at: datetime
    last_used_at: datetime
    address: str
    agent: str


class SessionIndex:
    """The sessions of every person. All methods raise StoreUnavailable if Redis cannot be reached."""

    def __init__(self, client: Redis, sealer: Sealer, prefix: str, keep_seconds: int | None) -> None:
        self._client = client
        self._sealer = sealer
        self._prefix = prefix
        self._keep_seconds = keep_seconds

    def add(self, user_id: int | str, handle: str, limit: int | None) -> list[str]:
        """Enter a session that is stored already; end the oldest beyond ``limit`` and return their handles.

        Each login enters itself before it looks, so of logins at the same time the last to look sees all of them.
        """
        with unavailable_on_error():
            add = self._client.register_script(ADD)
            found = add(keys=[self._key(user_id)], args=[time.time(), handle, self._keep_seconds or ""])
        if len(found) <= (limit or MANY):
            return []
        live = [entry for entry, _ in self._live(user_id, [entry.decode() for entry in found])]
        surplus = live[:-limit] if limit else []
        self._end(user_id, surplus)
        return surplus

    def remove(self, user_id: int | str, handle: str) -> None:
        """Take out a session that has ended."""
        with unavailable_on_error():
            self._client.zrem(self._key(user_id), handle)

    def sessions(self, user_id: int | str) -> list[SessionInfo]:
        """Return the person's live sessions, the one used last first."""
        found = [_info(handle, header) for handle, header in self._live(user_id, self._handles(user_id))]
        return sorted(found, key=lambda info: info.last_used_at, reverse=True)

    def end(self, user_id: int | str, handle: str) -> bool:
        """End one session of the person; False if it is none of theirs."""
        if handle not in self._handles(user_id):
            return False
        self._end(user_id, [handle])
        return True

    def end_all(self, user_id: int | str, *, but: str = "") -> list[str]:
        """End all sessions of the person except the one with the handle ``but``; return the handles of those ended."""
        others = [handle for handle in self._handles(user_id) if handle != but]
        self._end(user_id, others)
        return others

    def _key(self, user_id: int | str) -> str:
        return f"{self._prefix}user:{user_id}"

    def _handles(self, user_id: int | str) -> list[str]:
        with unavailable_on_error():
            return [handle.decode() for handle in self._client.zrange(self._key(user_id), 0, -1)]

    def _live(self, user_id: int | str, handles: list[str]) -> list[tuple[str, Header]]:
        """Return those of ``handles`` that name a stored session of this person, and remove the others."""
        keys = [self._prefix + handle for handle in handles]
        with unavailable_on_error():
            # Not a transaction: on a cluster the sessions are on different nodes.
            pipeline = self._client.pipeline(transaction=False)
            for key in keys:
                pipeline.get(key)
            values = pipeline.execute()
        live, stale = [], []
        for handle, key, value in zip(handles, keys, values, strict=True):
            record = self._sealer.open(key, value) if value else None
            if record and record.header.person and record.header.person.user_id == user_id:
                live.append((handle, record.header))
            else:
                stale.append(handle)
        self._forget(user_id, stale)
        return live

    def _end(self, user_id: int | str, handles: Iterable[str]) -> None:
        with unavailable_on_error():
            for handle in handles:
                self._client.delete(self._prefix + handle)
        self._forget(user_id, handles)

    def _forget(self, user_id: int | str, handles: Iterable[str]) -> None:
        if handles:
            with unavailable_on_error():
                self._client.zrem(self._key(user_id), *handles)


def _info(handle: str, header: Header) -> SessionInfo:
    person = header.person
    return SessionInfo(
        handle=handle,
        created_at=datetime.fromtimestamp(header.started, UTC),
        last_used_at=datetime.fromtimestamp(header.used, UTC),
        address=person.address if person else "",
        agent=person.agent if person else "",
    )
