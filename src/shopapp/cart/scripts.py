"""What is done to carts inside Redis, each in one atomic step, as Lua.

Fields of a cart that begin with a colon are marks, not lines: no sku begins with one.
"""

# A key that holds another type than it should is emptied.
_TIDY = """
local function tidy(key, expected)
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' and kind ~= expected then redis.call('DEL', key) end
end
"""

# What can be no number of units counts as none.
_UNITS = """
local function units(text)
  if text and #text <= 9 and string.match(text, '^%d+$') then return tonumber(text) end
  return 0
end
"""

_LINES = """
local function lines(key)
  local count, fields = 0, redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 1) ~= ':' then count = count + 1 end
  end
  return count
end
"""

# A person's cart has a version, which each change raises: by the clock, so that a cart which begins anew goes on
# higher. So its hash is there also when it is empty, and one that is not there is lost, or has never been.
_VERSIONS = """
local function is_persons(key) return string.sub(key, 1, 11) == 'cart:{user:' end
local function is_lost(key, begins)
  return begins ~= '1' and is_persons(key) and redis.call('EXISTS', key) == 0
end
local function raise_version(key, at_least)
  if not is_persons(key) then return '' end
  local clock = redis.call('TIME')
  local last = math.max(tonumber(redis.call('HGET', key, ':version')) or 0, at_least or 0)
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
_MOVED = """
local function moved_to(key)
  local mark = redis.call('HGET', key, ':moved')
  if mark and #mark <= 30 and string.match(mark, '^cart:{user:%d+}$') then return mark end
end
"""

# The presses of a cart: a sorted set of "name contents", by the second in which they came.
_PRESSES = """
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

# Answers a word for what became of the change, and then the cart's fields and values; or where the cart has moved to;
# or how many units it holds already; or that a person's cart is lost, and is to be read back before it is changed. A
# press is looked for first: if it is known it was done, wherever the cart is now. KEYS: the cart, its presses. ARGV:
# sku, quantity, units in stock, seconds to live ("": for ever), most units of a line, most lines, name of the press or
# nothing, most presses, seconds to keep one, "1" if the cart may begin anew.
_STORE = """
local press, contents = ARGV[7], ARGV[1] .. ' ' .. ARGV[2]
if press ~= '' then
  local before = contents_of(KEYS[2], press)
  if before == contents then return {'repeated', redis.call('HGETALL', KEYS[1])} end
  if before then return {'other_contents'} end
end
local moved = moved_to(KEYS[1])
if moved then return {'moved', moved} end
if is_lost(KEYS[1], ARGV[10]) then return {'lost'} end
local held = units(redis.call('HGET', KEYS[1], ARGV[1]))
local wanted = tonumber(ARGV[2]) %s
if wanted > tonumber(ARGV[5]) then return {'too_many_units'} end
if wanted > held and wanted > tonumber(ARGV[3]) then return {'short', held} end
if held == 0 and lines(KEYS[1]) >= tonumber(ARGV[6]) then return {'too_many_lines'} end
redis.call('HSET', KEYS[1], ARGV[1], wanted)
raise_version(KEYS[1])
keep(KEYS[1], ARGV[4])
if press ~= '' then
  redis.call('ZADD', KEYS[2], redis.call('TIME')[1], press .. ' ' .. contents)
  keep_newest(KEYS[2], tonumber(ARGV[8]), tonumber(ARGV[9]))
end
return {'stored', redis.call('HGETALL', KEYS[1])}
"""
_BEFORE_STORE = _TIDY + _UNITS + _LINES + _VERSIONS + _MOVED + _PRESSES + "tidy(KEYS[1], 'hash')"
ADD = _BEFORE_STORE + _STORE % "+ held"
SET = _BEFORE_STORE + _STORE % ""

# Answers how many units the line had, and the cart's fields and values; -1 for a person's cart that is lost. A cart
# that has moved is somebody's own by now: it has no line any more, and is not followed. KEYS: the cart. ARGV: sku,
# seconds to live ("": for ever), "1" if there is nothing to read back.
REMOVE = (
    _TIDY
    + _UNITS
    + _VERSIONS
    + """
tidy(KEYS[1], 'hash')
if is_lost(KEYS[1], ARGV[3]) then return {-1, {}} end
local held = units(redis.call('HGET', KEYS[1], ARGV[1]))
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  raise_version(KEYS[1])
  redis.call('HDEL', KEYS[1], ARGV[1])
  keep(KEYS[1], ARGV[2])
end
return {held, redis.call('HGETALL', KEYS[1])}
"""
)

# KEYS: the visitor's cart, where its contents are kept until they have arrived, its presses. ARGV: the new cart,
# seconds, a name for this move. Returns whose the contents are, the contents, and the presses; these stay, too, so that
# one which is sent again to where the cart was is known there. An empty cart gets the marker as well: a request that is
# on its way to it may be the one that fills it.
TAKE = (
    _TIDY
    + _MOVED
    + """
tidy(KEYS[1], 'hash')
tidy(KEYS[2], 'hash')
tidy(KEYS[3], 'zset')
if redis.call('EXISTS', KEYS[2]) == 0 and not moved_to(KEYS[1]) then
  if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('RENAME', KEYS[1], KEYS[2])
    redis.call('HSET', KEYS[2], ':move', ARGV[3])
    redis.call('EXPIRE', KEYS[2], ARGV[2])
  end
  redis.call('HSET', KEYS[1], ':moved', ARGV[1])
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return {moved_to(KEYS[1]) or '', redis.call('HGETALL', KEYS[2]), redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')}
"""
)

# KEYS: the person's cart, a note of one move, the person's presses. ARGV: seconds for the note, seconds to live, most
# presses, seconds to keep one, most lines, how many arguments the presses are, "1" if the cart may begin anew; then
# each press with its second; then sku, quantity and most units of each line; the note of an order comes along as it is.
# A move that has been made before changes nothing. Returns how many lines were cut, and how many did not fit; or -1 for
# a cart that is lost.
MERGE = (
    _TIDY
    + _UNITS
    + _LINES
    + _VERSIONS
    + _PRESSES
    + """
local cut, left_out, presses = 0, 0, tonumber(ARGV[6])
tidy(KEYS[1], 'hash')
if is_lost(KEYS[1], ARGV[7]) then return {-1, 0} end
if not redis.call('SET', KEYS[2], '', 'NX', 'EX', ARGV[1]) then return {0, 0} end
local room = tonumber(ARGV[5]) - lines(KEYS[1])
for i = 8 + presses, #ARGV, 3 do
  local is_mark = string.sub(ARGV[i], 1, 1) == ':'
  local is_new = not is_mark and redis.call('HEXISTS', KEYS[1], ARGV[i]) == 0
  if is_new then room = room - 1 end
  if is_mark then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  elseif is_new and room < 0 then
    left_out = left_out + 1
  else
    local held = units(redis.call('HGET', KEYS[1], ARGV[i]))
    local most = math.max(held, tonumber(ARGV[i + 2]))
    local sum = held + tonumber(ARGV[i + 1])
    if sum > most then cut = cut + 1 end
    redis.call('HSET', KEYS[1], ARGV[i], math.min(sum, most))
  end
end
raise_version(KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
if presses > 0 then
  tidy(KEYS[3], 'zset')
  for i = 8, 7 + presses, 2 do redis.call('ZADD', KEYS[3], ARGV[i + 1], ARGV[i]) end
  keep_newest(KEYS[3], tonumber(ARGV[3]), tonumber(ARGV[4]))
end
return {cut, left_out}
"""
)

# Notes that the cart is being ordered; says where it is if it has moved, that another form is ordering it at this
# moment, or that what this form has bought was taken out already; with the version that a person's cart has by this.
# KEYS: the cart, its presses. ARGV: the note's field,
# how all such fields begin, seconds that an order takes at most.
NOTE_ORDER = (
    _TIDY
    + _VERSIONS
    + _MOVED
    + _PRESSES
    + """
tidy(KEYS[1], 'hash')
if contents_of(KEYS[2], ARGV[1]) then return {'taken_out'} end
local fields, now = redis.call('HGETALL', KEYS[1]), tonumber(redis.call('TIME')[1])
local moved = moved_to(KEYS[1])
if moved then return {'moved', moved} end
for i = 1, #fields, 2 do
  local is_other = string.sub(fields[i], 1, #ARGV[2]) == ARGV[2] and fields[i] ~= ARGV[1]
  if is_other and now - (tonumber(fields[i + 1]) or 0) < tonumber(ARGV[3]) then return {'busy'} end
end
if #fields == 0 then return {'noted', ''} end
redis.call('HSET', KEYS[1], ARGV[1], now)
return {'noted', raise_version(KEYS[1])}
"""
)

# Takes what was bought out of the cart, once: the note of the order goes with it, and is kept among the presses for a
# while, for the same form may be on its way once more. KEYS: the cart, its presses. ARGV: the note's field, most
# presses, seconds to keep one, then sku and quantity of each line. Returns the cart's fields and values.
TAKE_OUT = (
    _TIDY
    + _UNITS
    + _VERSIONS
    + _PRESSES
    + """
tidy(KEYS[1], 'hash')
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  raise_version(KEYS[1])
  redis.call('HDEL', KEYS[1], ARGV[1])
  for i = 4, #ARGV, 2 do
    local left = units(redis.call('HGET', KEYS[1], ARGV[i])) - tonumber(ARGV[i + 1])
    if left > 0 then redis.call('HSET', KEYS[1], ARGV[i], left) else redis.call('HDEL', KEYS[1], ARGV[i]) end
  end
  if #ARGV > 3 then
    tidy(KEYS[2], 'zset')
    redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[1] .. ' taken out')
    keep_newest(KEYS[2], tonumber(ARGV[2]), tonumber(ARGV[3]))
  end
end
return redis.call('HGETALL', KEYS[1])
"""
)

# Begins a person's cart anew that is lost, with the lines of its copy; whatever has been put in meanwhile stays as it
# is. KEYS: the cart. ARGV: seconds to live, version of the copy, "1" if there is a copy or is known to be none, "" if
# it could not be read: then that is noted, for a later look. Then sku and quantity of each line. Returns fields and
# values.
BRING_BACK = (
    _TIDY
    + _VERSIONS
    + """
tidy(KEYS[1], 'hash')
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HEXISTS', KEYS[1], ':unread') == 0 then
  return redis.call('HGETALL', KEYS[1])
end
raise_version(KEYS[1], tonumber(ARGV[2]))
for i = 4, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
if ARGV[3] == '' then redis.call('HSET', KEYS[1], ':unread', 1) else redis.call('HDEL', KEYS[1], ':unread') end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return redis.call('HGETALL', KEYS[1])
"""
)

# KEYS: a person's cart. ARGV: the version that was copied.
COPIED = """
if redis.call('HEXISTS', KEYS[1], ':version') == 1 then redis.call('HSET', KEYS[1], ':copied', ARGV[1]) end
"""
