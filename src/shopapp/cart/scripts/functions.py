"""The Lua functions that scripts of carts begin with: what a key and a field may hold, and how it is kept."""

# A key that holds another type than it should is emptied.
TIDY = """
local function tidy(key, expected)
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' and kind ~= expected then redis.call('DEL', key) end
end
"""

# What can be no number of units counts as none.
UNITS = """
local function units(text)
  if text and #text <= 9 and string.match(text, '^%d+$') then return tonumber(text) end
  return 0
end
"""

LINES = """
local function lines(key)
  local count, fields = 0, redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 1) ~= ':' then count = count + 1 end
  end
  return count
end
"""

# A person's cart has a version, which each change raises: by the clock, so that a cart which begins anew goes on
# higher. So its hash is there also when it is empty, and one that is not there is lost, or has never been. One with a
# version below what it is known to have had was set back, and is lost as well.
VERSIONS = """
local function is_persons(key) return string.sub(key, 1, 11) == 'cart:{user:' end
local function version_of(key) return tonumber(redis.call('HGET', key, ':version')) or 0 end
local function is_lost(key, known)
  if known == '1' or not is_persons(key) then return false end
  return redis.call('EXISTS', key) == 0 or version_of(key) < (tonumber(known) or 0)
end
local function raise_version(key, at_least)
  if not is_persons(key) then return '' end
  local clock = redis.call('TIME')
  local last = math.max(version_of(key), at_least or 0)
  local version = string.format('%.0f', math.max(clock[1] * 1000000 + clock[2], last + 1))
  redis.call('HSET', key, ':version', version)
  return version
end
local function keep(key, seconds)
  if seconds == '' then redis.call('PERSIST', key) else redis.call('EXPIRE', key, seconds) end
end
"""

# The mark is followed to a person's cart and nowhere else: whatever is written there, no other key is touched, and the
# number is one that SQL can hold.
MOVED = """
local function moved_to(key)
  local mark = redis.call('HGET', key, ':moved')
  if mark and #mark <= 30 and string.match(mark, '^cart:{user:%d+}$') then return mark end
end
"""

# The presses of a cart: a sorted set of "name contents", by the second in which they came.
PRESSES = """
local function contents_of(key, press)
  tidy(key, 'zset')
  for _, kept in ipairs(redis.call('ZRANGE', key, 0, -1)) do
    local name, contents = string.match(kept, '^(%S+) (.*)$')
    if name == press then return contents end
  end
end
local function keep_newest(key, most, seconds)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', redis.call('TIME')[1] - seconds)
  local too_many = redis.call('ZCARD', key) - most
  if too_many > 0 then
    for _, oldest in ipairs(redis.call('ZRANGE', key, 0, too_many - 1)) do redis.call('ZREM', key, oldest) end
  end
  redis.call('EXPIRE', key, seconds)
end
"""
