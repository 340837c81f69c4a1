"""Scripts that change one line of a cart."""

from shopapp.cart.scripts.functions import LINES, MOVED, PRESSES, TIDY, UNITS, VERSIONS

# Answers a word for what became of the change, and then the cart's fields and values; or where the cart has moved to;
# or how many units it holds already; or that a person's cart is lost, and is to be read back before it is changed. A
# press is looked for first: if it is known it was done, wherever the cart is now. KEYS: the cart, its presses. ARGV:
# sku, quantity, units in stock, seconds to live ("": for ever), most units of a line, most lines, name of the press or
# nothing, most presses, seconds to keep one, "1" if the cart may begin anew, else its last known version or nothing. A
# press that is known is written to all the same, so that replicas are waited for: the first time, too few of them may
# have had it.
_STORE = """
local press, contents = ARGV[7], ARGV[1] .. ' ' .. ARGV[2]
if press ~= '' then
  local before = contents_of(KEYS[2], press)
  if before == contents then
    redis.call('EXPIRE', KEYS[2], ARGV[9])
    return {'repeated', redis.call('HGETALL', KEYS[1])}
  end
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
_BEFORE_STORE = TIDY + UNITS + LINES + VERSIONS + MOVED + PRESSES + "tidy(KEYS[1], 'hash')"
ADD = _BEFORE_STORE + _STORE % "+ held"
SET = _BEFORE_STORE + _STORE % ""

# Answers how many units the line had, and the cart's fields and values; -1 for a person's cart that is lost. A cart
# that has moved is somebody's own by now: it has no line any more, and is not followed. KEYS: the cart. ARGV: sku,
# seconds to live ("": for ever), "1" if there is nothing to read back, else its last known version or nothing.
REMOVE = (
    TIDY
    + UNITS
    + VERSIONS
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
