"""Three-way merge of session data: what was loaded, what is stored now, what this request has. Pure.

Dicts are merged key by key, however deep, and flash queues message by message. Anything else is one value.
"""

from collections.abc import Mapping
from typing import Any

FLASH_PREFIX = "_f_"
"""How pyramid_session_redis names a flash queue among the session's keys."""

_MISSING: Any = object()


def merge(
    base: Mapping[str, Any], theirs: Mapping[str, Any], mine: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return ``theirs`` with the changes from ``base`` to ``mine`` made to it, and where both changed the same value.

    Different places: both win. The same place, be it to the same value, for both may have added 1: ``mine``, the later;
    but a change wins over a deletion. Flash queues keep what either side added, and lose what either side took. A place
    is told as its keys with dots between.
    """
    conflicts: list[str] = []
    return _merge_dicts(base, theirs, mine, (), conflicts), conflicts


def takes_messages_only(base: Mapping[str, Any], mine: Mapping[str, Any]) -> bool:
    """Whether all that has changed from ``base`` to ``mine`` is that flash messages were taken to be shown."""
    for key in {*base, *mine}:
        was, is_mine = base.get(key, _MISSING), mine.get(key, [] if key.startswith(FLASH_PREFIX) else _MISSING)
        if _same(was, is_mine):
            continue
        if not (key.startswith(FLASH_PREFIX) and isinstance(was, list) and isinstance(is_mine, list)):
            return False
        if _difference(is_mine, was):
            return False
    return True


def _merge_dicts(
    base: Mapping[str, Any],
    theirs: Mapping[str, Any],
    mine: Mapping[str, Any],
    place: tuple[str, ...],
    conflicts: list[str],
) -> dict[str, Any]:
    merged = dict(theirs)
    for key in [*mine, *(key for key in base if key not in mine)]:
        sides = base.get(key, _MISSING), theirs.get(key, _MISSING), mine.get(key, _MISSING)
        if _same(sides[2], sides[0]):
            continue
        value = _merge_values(*sides, (*place, key), conflicts)
        if value is _MISSING:
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged


def _merge_values(was: Any, theirs: Any, mine: Any, place: tuple[str, ...], conflicts: list[str]) -> Any:
    """Return what becomes of a value that ``mine`` has changed; _MISSING if it goes."""
    if len(place) == 1 and place[0].startswith(FLASH_PREFIX) and all(_is_queue(side) for side in (was, theirs, mine)):
        return _merge_queues(was, theirs, mine) or _MISSING
    if isinstance(theirs, dict) and isinstance(mine, dict) and (was is _MISSING or isinstance(was, dict)):
        return _merge_dicts({} if was is _MISSING else was, theirs, mine, place, conflicts)
    if _same(theirs, was):
        return mine
    conflicts.append(".".join(place))
    return theirs if mine is _MISSING else mine


def _same(left: Any, right: Any) -> bool:
    """Whether two JSON values are the same. Python alone takes 1, 1.0 and True for equal."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


def _is_queue(side: Any) -> bool:
    return side is _MISSING or isinstance(side, list)


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
