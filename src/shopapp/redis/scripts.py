"""Lua scripts, sent by their digests."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha1
from typing import Any

from redis import exceptions

from shopapp.redis.clients import Client


class Script:
    """A Lua script whose keys are all in one slot, sent by its digest; in full only to servers that do not know it."""

    __slots__ = ("_client", "_text", "digest")

    def __init__(self, client: Client, text: str) -> None:
        self._client, self._text, self.digest = client, text, _digest(text)

    def __call__(self, keys: str | Sequence[str | bytes], *arguments: Any) -> Any:
        """Run it on a key, or on several, and return its answer. Raises what redis-py raises."""
        keys = (keys,) if isinstance(keys, str) else keys
        try:
            return self._client.evalsha(self.digest, len(keys), *keys, *arguments)
        except exceptions.NoScriptError:
            self._client.script_load(self._text)  # to all nodes of a cluster
            return self._client.evalsha(self.digest, len(keys), *keys, *arguments)


@lru_cache
def _digest(text: str) -> str:
    return sha1(text.encode(), usedforsecurity=False).hexdigest()
