"""Many sessions at once, by their handles: what is kept of them, and their end, in few round trips. Knows no person."""

from typing import Any

from shopapp.redis import Client, checked, sent, unavailable_on_error
from shopapp.sessions.clock import now
from shopapp.sessions.header import Header
from shopapp.sessions.record import Sealer

BATCH = 500
"""Sessions asked for in one round trip."""


class ManySessions:
    """Stored sessions, whoever's. All methods raise StoreUnavailable if Redis cannot be reached."""

    def __init__(self, client: Client, sealer: Sealer, prefix: str) -> None:
        self._client, self._sealer, self._prefix = client, sealer, prefix

    def headers(self, handles: list[str]) -> list[tuple[str, Header | None]]:
        """Return with each handle the header of the session that lives there; None if none does."""
        moment, found = now(), []
        keys = self._keys(handles)
        for handle, key, value in zip(handles, keys, self._on_each(keys, "GET"), strict=True):
            record = self._sealer.open(key, value) if isinstance(value, bytes) else None
            found.append((handle, record.header if record and not record.header.is_over(moment) else None))
        return found

    def end(self, handles: list[str]) -> list[str]:
        """End the sessions with these handles and return those of them that were still there."""
        deleted = self._on_each(self._keys(handles), "DEL")
        return [handle for handle, count in zip(handles, deleted, strict=True) if count]

    def _keys(self, handles: list[str]) -> list[str]:
        return [self._prefix + handle for handle in handles]

    def _on_each(self, keys: list[str], command: str) -> list[Any]:
        """Send one command with each key, many in a round trip; what Redis says against one is its answer. No
        transaction: a cluster has them on different nodes.
        """
        answers: list[Any] = []
        for start in range(0, len(keys), BATCH):
            found, was_sent_twice = sent(self._client, self._pipelined, command, keys[start : start + BATCH])
            # What is gone by the second time was there the first time, as far as anybody can tell.
            answers += [1] * len(found) if was_sent_twice and command == "DEL" else found
        with unavailable_on_error(self._client):
            return checked(answers)

    def _pipelined(self, command: str, keys: list[str]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.execute_command(command, key)
        return pipeline.execute(raise_on_error=False)
