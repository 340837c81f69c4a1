"""Scripts that move a visitor's cart into a person's, in two steps: the two are on different nodes of a cluster."""

from shopapp.cart.scripts.functions import LINES, MOVED, PRESSES, TIDY, UNITS, VERSIONS

# KEYS: the visitor's cart, where its contents are kept until they have arrived, its presses. ARGV: the new cart,
# seconds, a name for this move. Returns whose the contents are, the contents, and the presses; these stay, too, so that
# one which is sent again to where the cart was is known there. An empty cart gets the marker as well: a request that is
# on its way to it may be the one that fills it.
TAKE = (
    TIDY
    + MOVED
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
# presses, seconds to keep one, most lines, how many arguments the presses are, "1" if the cart may begin anew, else
# its last known version or nothing; then each press with its second; then sku, quantity and most units of each line;
# the note of an order comes along as it is. A move that has been made before changes nothing. Returns how many lines
# were cut, and how many did not fit; or -1 for a cart that is lost.
MERGE = (
    TIDY
    + UNITS
    + LINES
    + VERSIONS
    + PRESSES
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
