"""Which sessions a person has: to list them, to end them, to limit how many there are. Knows no HTTP.

One sorted set per person holds the handles of their sessions by the time of login. It is only a list of where to look:
what counts is the session's own record, so an entry without one is stale, is passed over and removed.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shopapp.redis import Client, unavailable_on_error
from shopapp.sessions.record import Header, Sealer

MANY = 50
"""An index with more entries is swept at the next login."""

# KEYS: the index. ARGV: time, handle, seconds to keep the index ("" for ever). Returns all handles, oldest first.
# Rubbish in its place is none.
ADD = """
if redis.call('TYPE', KEYS[1]).ok ~= 'zset' then redis.call('DEL', KEYS[1]) end
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

    def __init__(
        self, client: Client, sealer: Sealer, prefix: str, keep_seconds: int | None, *, idle_is_known: bool
    ) -> None:
        self._client = client
        self._sealer = sealer
        self._prefix = prefix
        self._keep_seconds = keep_seconds
        self._idle_is_known = idle_is_known

    def add(self, user_id: int | str, handle: str, limit: int | None) -> list[str]:
        """Enter a session that is stored already; end the oldest beyond ``limit`` and return their handles.

        Each login enters itself before it looks, so of logins at the same time the last to look sees all of them.
        """
        with unavailable_on_error(self._client):
            add = self._client.register_script(ADD)
            found = add(keys=[self._key(user_id)], args=[time.time(), handle, self._keep_seconds or ""])
        if len(found) <= (limit or MANY):
            return []
        live = [entry for entry, _ in self._live(user_id, [entry.decode() for entry in found])]
        return self._end(user_id, live[:-limit] if limit else [])

    def remove(self, user_id: int | str, handle: str) -> None:
        """Take out a session that has ended."""
        with unavailable_on_error(self._client):
            self._client.zrem(self._key(user_id), handle)

    def sessions(self, user_id: int | str) -> list[SessionInfo]:
        """Return the person's live sessions, the one used last first."""
        found = [_info(handle, header) for handle, header in self._live(user_id, self._handles(user_id))]
        return sorted(found, key=lambda info: info.last_used_at, reverse=True)

    def end(self, user_id: int | str, handle: str) -> bool:
        """End one session of the person; False if it is none of theirs."""
        return handle in self._handles(user_id) and bool(self._end_live(user_id, [handle]))

    def end_all(self, user_id: int | str, *, but: str = "") -> list[str]:
        """End all sessions of the person except the one with the handle ``but``; return the handles of those ended."""
        return self._end_live(user_id, [handle for handle in self._handles(user_id) if handle != but])

    def _key(self, user_id: int | str) -> str:
        return f"{self._prefix}user:{user_id}"

    def _handles(self, user_id: int | str) -> list[str]:
        with unavailable_on_error(self._client):
            return [handle.decode() for handle in self._client.zrange(self._key(user_id), 0, -1)]

    def _live(self, user_id: int | str, handles: list[str]) -> list[tuple[str, Header]]:
        """Return those of ``handles`` that name a stored session of this person, and remove the others."""
        keys, now = [self._prefix + handle for handle in handles], time.time()
        values = self._on_each(keys, "GET")
        live, stale = [], []
        for handle, key, value in zip(handles, keys, values, strict=True):
            record = self._sealer.open(key, value) if value else None
            if record and self._is_live(record.header, user_id, now):
                live.append((handle, record.header))
            else:
                stale.append(handle)
        self._forget(user_id, stale)
        return live

    def _is_live(self, header: Header, user_id: int | str, now: float) -> bool:
        """Whether it is this person's, and neither clock has run out: Redis may have been told to remove nothing."""
        if header.person is None or str(header.person.user_id) != str(user_id):
            return False
        idle = self._idle_is_known and header.idle and now > header.used + header.idle
        return not idle and not (header.ends and now >= header.ends)

    def _end_live(self, user_id: int | str, handles: list[str]) -> list[str]:
        """As :meth:`_end`, but leave alone what by now is another person's, and what is over already."""
        return self._end(user_id, [handle for handle, _ in self._live(user_id, handles)])

    def _end(self, user_id: int | str, handles: list[str]) -> list[str]:
        """End the sessions with these handles and return those of them that were still there."""
        deleted = self._on_each([self._prefix + handle for handle in handles], "DEL")
        self._forget(user_id, handles)
        return [handle for handle, count in zip(handles, deleted, strict=True) if count]

    def _on_each(self, keys: list[str], command: str) -> list[Any]:
        """Send one command with each key in one round trip. No transaction: a cluster has them on different nodes."""
        if not keys:
            return []
        with unavailable_on_error(self._client):
            pipeline = self._client.pipeline(transaction=False)
            for key in keys:
                pipeline.execute_command(command, key)
            return pipeline.execute()

    def _forget(self, user_id: int | str, handles: list[str]) -> None:
        if handles:
            with unavailable_on_error(self._client):
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
