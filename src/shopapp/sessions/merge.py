"""Three-way merge of session data: what was loaded, what is stored now, what this request has.

Only top-level keys are merged, and flash queues message by message. Pure: no clock, no Redis.
"""

from collections.abc import Mapping
from typing import Any

FLASH_PREFIX = "_f_"
"""How pyramid_session_redis names a flash queue among the session's keys."""

_MISSING = object()


def merge(base: Mapping[str, Any], theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``theirs`` with the changes from ``base`` to ``mine`` made to it.

    Different keys: both win. Same key: ``mine``, the later. Deleted here but changed there, or the other way round: the
    change wins. Flash queues keep what either side added, and lose what either side took.
    """
    merged = dict(theirs)
    for key in [*mine, *(key for key in base if key not in mine)]:
        was, is_mine, is_theirs = sides = [side.get(key, _MISSING) for side in (base, mine, theirs)]
        if _same(is_mine, was):
            continue
        if key.startswith(FLASH_PREFIX) and all(side is _MISSING or isinstance(side, list) for side in sides):
            queue = _merge_queues(was, is_theirs, is_mine)
            if queue:
                merged[key] = queue
            else:
                merged.pop(key, None)
        elif is_mine is not _MISSING:
            merged[key] = is_mine
        elif _same(is_theirs, was):
            merged.pop(key, None)
    return merged


def _same(left: Any, right: Any) -> bool:
    """Whether two JSON values are the same. Python alone takes 1, 1.0 and True for equal."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return left == right


def _merge_queues(was: Any, theirs: Any, mine: Any) -> list[Any]:
    """Return ``theirs`` less what I took out, plus what I put in. Messages are compared by value and counted."""
    was, theirs, mine = ([] if side is _MISSING else list(side) for side in (was, theirs, mine))
    taken, added = _difference(was, mine), _difference(mine, was)
    return [*_difference(theirs, taken), *added]


def _difference(left: list[Any], right: list[Any]) -> list[Any]:
    """Return the items of ``left`` that are not in ``right``; an item twice in ``left`` needs two in ``right``."""
    rest = list(right)
    kept = []
    for item in left:
        if item in rest:
            rest.remove(item)
        else:
            kept.append(item)
    return kept
