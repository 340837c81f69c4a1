"""How often: a counter in Redis for each name, counted up by one atomic command. Knows no HTTP and no people.

Why not the library ``limits``: it makes clients of its own for Sentinel and Cluster, past our guard; it takes a round
trip for each limit, so that of two limits one may be counted and the other not; and its windows do not grow.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from shopapp.redis import Client, Script, unavailable_on_error

HOUR = 3600.0

TAKE = """
local now, levels = tonumber(ARGV[1]), {}
local longest, which = 0, 0
for i, key in ipairs(KEYS) do
  local most, hour, last = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1]), tonumber(ARGV[4 * i + 1])
  if redis.call('TYPE', key).ok ~= 'hash' then
    redis.call('DEL', key)  -- rubbish
  end
  local level, at = tonumber(redis.call('HGET', key, 'level')), tonumber(redis.call('HGET', key, 'at'))
  local wait = (tonumber(redis.call('HGET', key, 'until')) or 0) - now
  if wait > last then
    -- A clock that was set back keeps nobody out for longer than the longest wait, from the first look on.
    wait = last
    redis.call('HSET', key, 'until', now + last)
  end
  if wait > longest then
    longest, which = wait, i
  end
  levels[i] = math.max(0, (level or 0) - math.max(0, now - (at or now)) * most / hour)
end
if which > 0 then
  local is_told = redis.call('HGET', KEYS[which], 'told') == '1'
  redis.call('HSET', KEYS[which], 'told', 1)
  return {which, math.ceil(longest), is_told and 0 or 1}
end
for i, key in ipairs(KEYS) do
  local most, hour = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1])
  local first, last = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1])
  local level, wait = levels[i] + 1, 0
  local over = math.ceil(level) - most  -- the last ones are not forgotten by halves
  if over >= 0 then
    wait = math.min(last, first * 2 ^ math.min(60, over))
  end
  -- Without a wait 0: a try that was on its way for longer has an earlier now.
  redis.call('HSET', key, 'level', level, 'at', now, 'until', wait > 0 and now + wait or 0, 'told', 0)
  redis.call('EXPIRE', key, math.ceil(math.max(wait, level * hour / most) / 1000))
end
return {0, 0, 0}
"""
"""KEYS: names, all in one slot. ARGV: now, and for each name its most, the hour, the first and the longest wait, times
in milliseconds. If any of the names has to wait, nothing is counted, and the answer is which one, how long,
and whether it is the first time since that was counted."""

GIVE_BACK = """
for i, key in ipairs(KEYS) do
  local level = redis.call('TYPE', key).ok == 'hash' and tonumber(redis.call('HGET', key, 'level'))
  if level and level > 1 then
    redis.call('HSET', key, 'level', level - 1)
    if level - 1 < tonumber(ARGV[i]) then
      redis.call('HSET', key, 'until', 0)
    end
  elseif level then
    redis.call('DEL', key)
  end
end
"""
"""KEYS: names, all in one slot. ARGV: the most of each."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """``most`` tries at once, and as many in an hour: each is forgotten in that hour's ``most``-th part. Then a wait of
    ``first`` seconds, which doubles with each further try, to ``last``.
    """

    most: int
    first: float = 2.0
    last: float = 900.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """A name in Redis, and what it may have."""

    key: str
    allowance: Allowance


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody has to wait ``seconds`` for the bucket of this index. ``is_first``: nobody had to since it was
    counted.
    """

    index: int
    seconds: int
    is_first: bool


def take(client: Client, buckets: Sequence[Bucket]) -> Wait | None:
    """Count one try in each of the buckets, whose keys are in one slot. Or in none, if one of them has to wait: return
    which, and how long. Raises StoreUnavailable.
    """
    arguments: list[float] = [int(time.time() * 1000)]
    for each in (bucket.allowance for bucket in buckets):
        arguments += [each.most, HOUR * 1000, each.first * 1000, each.last * 1000]
    with unavailable_on_error(client):
        which, milliseconds, is_first = Script(client, TAKE)([bucket.key for bucket in buckets], *arguments)
    return Wait(which - 1, math.ceil(milliseconds / 1000), bool(is_first)) if which else None


def give_back(client: Client, buckets: Sequence[Bucket]) -> None:
    """Take one try back from each of the buckets, whose keys are in one slot. Raises StoreUnavailable."""
    with unavailable_on_error(client):
        Script(client, GIVE_BACK)([bucket.key for bucket in buckets], *(bucket.allowance.most for bucket in buckets))


def forget(client: Client, buckets: Sequence[Bucket]) -> None:
    """Forget all tries of the buckets, whose keys are in one slot. Raises StoreUnavailable."""
    with unavailable_on_error(client):
        client.delete(*(bucket.key for bucket in buckets))
