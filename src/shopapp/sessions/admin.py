"""All sessions there are, for an operator's shell: found with SCAN, so Redis goes on serving. Knows no person.

While it looks, sessions begin and end: what comes or goes meanwhile may or may not be among those found.
"""

import re
from collections.abc import Iterator
from itertools import islice

from shopapp.redis import Client, unavailable_on_error
from shopapp.sessions.ids import HASH_DIGITS
from shopapp.sessions.index import SessionIndex

SCAN_COUNT = 1000
"""Keys that Redis looks at in one step: a millisecond of its time."""


def handles(client: Client, prefix: str) -> Iterator[str]:
    """Return the handles of all stored sessions, each once. Raises StoreUnavailable if Redis cannot be reached."""
    # SCAN may give a key twice, and a set of all is small: a million handles take some 100 MB.
    seen = set()
    for key in _keys(client, prefix, "[0-9a-f]" * HASH_DIGITS):
        handle = key.decode().removeprefix(prefix)
        if handle not in seen:
            seen.add(handle)
            yield handle


def count(client: Client, prefix: str) -> int:
    """Return how many sessions are stored. Raises StoreUnavailable if Redis cannot be reached."""
    return sum(1 for _ in handles(client, prefix))


def reindex(client: Client, prefix: str, index: SessionIndex) -> tuple[int, int]:
    """Enter every live session of a person into the list of that person's sessions, where it is not in it; return how
    many there are, and how many were missing.

    For a Redis that has evicted lists, or was filled from a backup of another moment. Raises StoreUnavailable.
    """
    there = missing = 0
    found = handles(client, prefix)
    while batch := list(islice(found, SCAN_COUNT)):
        persons, entered = index.enter(batch)
        there, missing = there + persons, missing + entered
    return there, missing


def clear(client: Client, prefix: str) -> int:
    """End all sessions and forget who had which; return how many were ended.

    A request at work meanwhile cannot bring its session back. Raises StoreUnavailable if Redis cannot be reached.
    """
    ended = _delete(client, _keys(client, prefix, "[0-9a-f]" * HASH_DIGITS))
    _delete(client, _keys(client, prefix, "user:*"))
    return ended


def _keys(client: Client, prefix: str, pattern: str) -> Iterator[bytes]:
    literal_prefix = re.sub(r"([\\*?\[\]])", r"\\\1", prefix)
    with unavailable_on_error(client):
        yield from client.scan_iter(match=literal_prefix + pattern, count=SCAN_COUNT)


def _delete(client: Client, keys: Iterator[bytes]) -> int:
    deleted = 0
    with unavailable_on_error(client):
        while batch := list(islice(keys, SCAN_COUNT)):
            deleted += client.unlink(*batch)
    return deleted
