"""Scripts that note that a cart is being ordered, and take out of it what was bought."""

from shopapp.cart.scripts.functions import MOVED, PRESSES, TIDY, UNITS, VERSIONS

# Notes that the cart is being ordered; says where it is if it has moved, that another form is ordering it at this
# moment or has taken out of it what this one was to order, or that what this form has bought was taken out already;
# with the version that a person's cart has by this. KEYS: the cart, its presses. ARGV: the note's field, how all such
# fields begin, seconds that an order takes at most, then sku and quantity of each line.
NOTE_ORDER = (
    TIDY
    + UNITS
    + VERSIONS
    + MOVED
    + PRESSES
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
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then  -- else it was all there when this form was sent before
  for i = 4, #ARGV, 2 do
    if units(redis.call('HGET', KEYS[1], ARGV[i])) < tonumber(ARGV[i + 1]) then return {'busy'} end
  end
end
redis.call('HSET', KEYS[1], ARGV[1], now)
return {'noted', raise_version(KEYS[1])}
"""
)

# Takes what was bought out of the cart, once: the note of the order goes with it, and is kept among the presses for a
# while, for the same form may be on its way once more. KEYS: the cart, its presses. ARGV: the note's field, most
# presses, seconds to keep one, then sku and quantity of each line. Returns the cart's fields and values.
TAKE_OUT = (
    TIDY
    + UNITS
    + VERSIONS
    + PRESSES
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
