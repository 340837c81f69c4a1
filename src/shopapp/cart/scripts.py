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
# or how many units it holds already. A press is looked for first: if it is known it was done, wherever the cart is now.
# KEYS: the cart, its presses. ARGV: sku, quantity, units in stock, seconds to live, most units of a line, most lines,
# name of the press or nothing, most presses, seconds to keep one.
_STORE = """
local press, contents = ARGV[7], ARGV[1] .. ' ' .. ARGV[2]
if press ~= '' then
  local before = contents_of(KEYS[2], press)
  if before == contents then return {'repeated', redis.call('HGETALL', KEYS[1])} end
  if before then return {'other_contents'} end
end
local moved = redis.call('HGET', KEYS[1], ':moved')
if moved then return {'moved', moved} end
local held = units(redis.call('HGET', KEYS[1], ARGV[1]))
local wanted = tonumber(ARGV[2]) %s
if wanted > tonumber(ARGV[5]) then return {'too_many_units'} end
if wanted > held and wanted > tonumber(ARGV[3]) then return {'short', held} end
if held == 0 and lines(KEYS[1]) >= tonumber(ARGV[6]) then return {'too_many_lines'} end
redis.call('HSET', KEYS[1], ARGV[1], wanted)
redis.call('EXPIRE', KEYS[1], ARGV[4])
if press ~= '' then
  redis.call('ZADD', KEYS[2], redis.call('TIME')[1], press .. ' ' .. contents)
  keep_newest(KEYS[2], tonumber(ARGV[8]), tonumber(ARGV[9]))
end
return {'stored', redis.call('HGETALL', KEYS[1])}
"""
_BEFORE_STORE = _TIDY + _UNITS + _LINES + _PRESSES + "tidy(KEYS[1], 'hash')"
ADD = _BEFORE_STORE + _STORE % "+ held"
SET = _BEFORE_STORE + _STORE % ""

# Answers how many units the line had, and the cart's fields and values. A cart that has moved is somebody's own by now:
# it has no line any more, and is not followed. KEYS: the cart. ARGV: sku, seconds to live.
REMOVE = (
    _TIDY
    + _UNITS
    + """
tidy(KEYS[1], 'hash')
local held = units(redis.call('HGET', KEYS[1], ARGV[1]))
if redis.call('HDEL', KEYS[1], ARGV[1]) == 1 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return {held, redis.call('HGETALL', KEYS[1])}
"""
)

# KEYS: the visitor's cart, where its contents are kept until they have arrived, its presses. ARGV: the new cart,
# seconds, a name for this move. Returns whose the contents are, the contents, and the presses; these stay, too, so that
# one which is sent again to where the cart was is known there. An empty cart gets the marker as well: a request that is
# on its way to it may be the one that fills it.
TAKE = (
    _TIDY
    + """
tidy(KEYS[1], 'hash')
tidy(KEYS[2], 'hash')
tidy(KEYS[3], 'zset')
if redis.call('EXISTS', KEYS[2]) == 0 and redis.call('HEXISTS', KEYS[1], ':moved') == 0 then
  if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('RENAME', KEYS[1], KEYS[2])
    redis.call('HSET', KEYS[2], ':move', ARGV[3])
  end
  redis.call('HSET', KEYS[1], ':moved', ARGV[1])
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
local moved = redis.call('HGET', KEYS[1], ':moved') or ''
return {moved, redis.call('HGETALL', KEYS[2]), redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')}
"""
)

# KEYS: the person's cart, a note of one move, the person's presses. ARGV: seconds for the note, seconds to live, most
# presses, seconds to keep one, how many arguments the presses are; then each press with its second; then sku, quantity
# and most units of each line; the note of an order comes along as it is. A move that has been made before changes
# nothing. Returns how many lines were cut.
MERGE = (
    _TIDY
    + _UNITS
    + _PRESSES
    + """
local cut, presses = 0, tonumber(ARGV[5])
tidy(KEYS[1], 'hash')
if not redis.call('SET', KEYS[2], '', 'NX', 'EX', ARGV[1]) then return cut end
for i = 6 + presses, #ARGV, 3 do
  if string.sub(ARGV[i], 1, 1) == ':' then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  else
    local held = units(redis.call('HGET', KEYS[1], ARGV[i]))
    local most = math.max(held, tonumber(ARGV[i + 2]))
    local sum = held + tonumber(ARGV[i + 1])
    if sum > most then cut = cut + 1 end
    redis.call('HSET', KEYS[1], ARGV[i], math.min(sum, most))
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
if presses > 0 then
  tidy(KEYS[3], 'zset')
  for i = 6, 5 + presses, 2 do redis.call('ZADD', KEYS[3], ARGV[i + 1], ARGV[i]) end
  keep_newest(KEYS[3], tonumber(ARGV[3]), tonumber(ARGV[4]))
end
return cut
"""
)

# Notes that the cart is being ordered; says where it is if it has moved, that another form is ordering it at this
# moment, or that what this form has bought was taken out already. KEYS: the cart, its presses. ARGV: the note's field,
# how all such fields begin, seconds that an order takes at most.
NOTE_ORDER = (
    _TIDY
    + _PRESSES
    + """
tidy(KEYS[1], 'hash')
if contents_of(KEYS[2], ARGV[1]) then return {'taken_out'} end
local fields, now = redis.call('HGETALL', KEYS[1]), tonumber(redis.call('TIME')[1])
for i = 1, #fields, 2 do
  if fields[i] == ':moved' then return {'moved', fields[i + 1]} end
  local is_other = string.sub(fields[i], 1, #ARGV[2]) == ARGV[2] and fields[i] ~= ARGV[1]
  if is_other and now - (tonumber(fields[i + 1]) or 0) < tonumber(ARGV[3]) then return {'busy'} end
end
if #fields > 0 then redis.call('HSET', KEYS[1], ARGV[1], now) end
return {'noted'}
"""
)

# Takes what was bought out of the cart, once: the note of the order goes with it, and is kept among the presses for a
# while, for the same form may be on its way once more. KEYS: the cart, its presses. ARGV: the note's field, most
# presses, seconds to keep one, then sku and quantity of each line. Returns the cart's fields and values.
TAKE_OUT = (
    _TIDY
    + _UNITS
    + _PRESSES
    + """
tidy(KEYS[1], 'hash')
if redis.call('HDEL', KEYS[1], ARGV[1]) == 1 then
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
