"""Which sessions a person has: to list them, to end them, to limit how many there are. Knows no HTTP.

One sorted set per person holds the handles of their sessions by the time of login, which is that of Redis: the clocks
of app servers differ. It is only a list of where to look: what counts is the session's own record, so an entry without
one is stale, is passed over and removed. Rubbish in its place is an empty list.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import ResponseError

from shopapp.redis import Client, Script, sent
from shopapp.sessions.header import Header
from shopapp.sessions.many import BATCH, ManySessions
from shopapp.sessions.policy import Policy
from shopapp.sessions.record import Sealer

MANY = 50
"""With more entries than this, stale ones are looked for at logins."""
SWEPT = 20
"""Entries that such a login looks at: the oldest, where those are that ended by themselves."""

NEVER = 2**53

# KEYS: the index. ARGV: handle, seconds to keep the index ("" for ever), and of how many entries on how many of the
# oldest to return (0 for all of them). Enters the handle at Redis' own time, and takes out what is older than any
# session can be.
ADD = """
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'zset' then redis.call('DEL', KEYS[1]) end
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
redis.call('ZADD', KEYS[1], string.format('%.6f', now), ARGV[1])
if ARGV[2] == '' then redis.call('PERSIST', KEYS[1])
else
  redis.call('EXPIRE', KEYS[1], ARGV[2])
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.6f', now - ARGV[2]))
end
if redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[3]) then return {} end
return redis.call('ZRANGE', KEYS[1], 0, ARGV[4] - 1)
"""

# KEYS: the index. ARGV: handle, the time of its login, seconds to keep the index ("" for ever). Enters the handle at
# that time if it is not there; returns 1 if it was not.
ENTER = """
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'zset' then redis.call('DEL', KEYS[1]) end
local added = redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[1])
if ARGV[3] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('EXPIRE', KEYS[1], ARGV[3]) end
return added
"""

log = logging.getLogger(__name__)


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
        self,
        client: Client,
        sealer: Sealer,
        policy: Policy,
        on_lost: Callable[[int | str], None] = lambda _user_id: None,
    ) -> None:
        """``on_lost`` is told whose list does not name a session that was entered into it."""
        self._client, self._prefix = client, policy.prefix
        self._sessions = ManySessions(client, sealer, policy.prefix)
        self._keep_seconds = policy.longest_life
        self._add = Script(client, ADD)
        self._on_lost = on_lost

    def add(self, user_id: int | str, handle: str, limit: int | None, *, sweep: bool) -> list[str]:
        """Enter a session that is stored already; end the oldest beyond ``limit`` and return their handles.

        Each login enters itself before it looks, so of logins at the same time the last to look sees all of them.
        Without a limit it costs the same however many sessions there are: one round trip, and two more where there are
        many, to ``sweep`` some of the oldest entries.
        """
        looked_at = (limit + 1, 0) if limit else (MANY + 1 if sweep else NEVER, SWEPT)
        args = [handle, self._keep_seconds or "", *looked_at]
        answer, _ = sent(self._client, self._add, self._key(user_id), *args)
        found = [entry.decode() for entry in answer]
        live = [entry for entry, _ in self._live(user_id, found)] if found else []
        return self._end(user_id, live[:-limit] if limit else [])

    def remove(self, user_id: int | str, handle: str, *, was_there: bool = False) -> None:
        """Take out a session that has ended. ``was_there``: unless the list is lost it is in it."""
        if not self._forget(user_id, [handle]) and was_there:
            self._on_lost(user_id)

    def count(self, user_id: int | str) -> int:
        """Return how many entries there are, stale ones included."""
        return int(self._ask(lambda: self._client.zcard(self._key(user_id)), 0))

    def sessions(
        self, user_id: int | str, start: int = 0, most: int | None = None, *, here: str = ""
    ) -> tuple[list[SessionInfo], int]:
        """Return the person's live sessions, the one used last first, and how many entries there are.

        Of many, ``most`` from the ``start``-th on by the time of login, the latest first. ``here`` is the handle of one
        that is stored: if the list does not name it, it is lost, and begins anew with that.
        """
        handles = self._handles(user_id, here)[::-1]
        chosen = handles[start : None if most is None else start + most]
        found = [_info(handle, header) for handle, header in self._live(user_id, chosen)]
        return sorted(found, key=lambda info: info.last_used_at, reverse=True), len(handles)

    def end(self, user_id: int | str, handle: str) -> bool:
        """End one session of the person, listed or not; False if it is none of theirs."""
        return bool(self._end_live(user_id, [handle]))

    def end_all(self, user_id: int | str, *, but: str = "") -> list[str]:
        """End all sessions of the person that the list names, except the stored one with the handle ``but``; return the
        handles of those ended.
        """
        return self._end_live(user_id, [handle for handle in self._handles(user_id, but) if handle != but])

    def enter(self, handles: list[str]) -> tuple[int, int]:
        """Enter those of these sessions that are persons' and alive, each at the time of its login, where the list does
        not name them; return how many are persons', and how many of them were missing.
        """
        entries = [
            (header.person.user_id, handle, header.started)
            for handle, header in self._sessions.headers(handles)
            if header and header.person
        ]
        return len(entries), self._enter(entries)

    def _key(self, user_id: int | str) -> str:
        return f"{self._prefix}user:{user_id}"

    def _handles(self, user_id: int | str, here: str = "") -> list[str]:
        found = self._ask(lambda: self._client.zrange(self._key(user_id), 0, -1), [])
        handles = [handle.decode(errors="replace") for handle in found]
        if here and here not in handles:
            entries = [(user_id, here, header.started) for here, header in self._live(user_id, [here])]
            if self._enter(entries):
                self._on_lost(user_id)
                handles.append(here)
        return handles

    def _enter(self, entries: list[tuple[int | str, str, int]]) -> int:
        """Enter a person's session, by its handle, at a time; return how many were not there."""
        missing = 0
        for start in range(0, len(entries), BATCH):
            missing += sum(sent(self._client, self._pipelined_entries, entries[start : start + BATCH])[0])
        return missing

    def _pipelined_entries(self, entries: list[tuple[int | str, str, int]]) -> list[int]:
        pipeline = self._client.pipeline(transaction=False)
        for user_id, handle, started in entries:
            key = self._key(user_id)
            pipeline.execute_command("EVAL", ENTER, 1, key, handle, started, self._keep_seconds or "")
        return pipeline.execute()

    def _live(self, user_id: int | str, handles: list[str]) -> list[tuple[str, Header]]:
        """Return those of ``handles`` that name a live session of this person, and remove the others."""
        live, stale = [], []
        for handle, header in self._sessions.headers(handles):
            if header and header.is_of(user_id):
                live.append((handle, header))
            else:
                stale.append(handle)
        self._forget(user_id, stale)
        return live

    def _end_live(self, user_id: int | str, handles: list[str]) -> list[str]:
        """As :meth:`_end`, but leave alone what by now is another person's, and what is over already."""
        return self._end(user_id, [handle for handle, _ in self._live(user_id, handles)])

    def _end(self, user_id: int | str, handles: list[str]) -> list[str]:
        """End the sessions with these handles and return those of them that were still there."""
        ended = self._sessions.end(handles)
        self._forget(user_id, handles)
        return ended

    def _forget(self, user_id: int | str, handles: list[str]) -> int:
        """Take these out of the list; return how many were in it."""
        return int(self._ask(lambda: self._client.zrem(self._key(user_id), *handles), 0)) if handles else 0

    def _ask(self, command: Callable[[], Any], nothing: Any) -> Any:
        """Return the answer, or ``nothing`` where the index is rubbish."""
        try:
            return sent(self._client, command)[0]
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            log.warning("session_index_is_rubbish")
            return nothing


def _info(handle: str, header: Header) -> SessionInfo:
    person = header.person
    return SessionInfo(
        handle=handle,
        created_at=datetime.fromtimestamp(header.started, UTC),
        last_used_at=datetime.fromtimestamp(header.used, UTC),
        address=person.address if person else "",
        agent=person.agent if person else "",
    )
