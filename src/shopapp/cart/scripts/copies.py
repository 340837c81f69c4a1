"""Scripts about the copy that the database has of a person's cart."""

from shopapp.cart.scripts.functions import TIDY, VERSIONS

# Begins a person's cart anew that is lost, with the lines of its copy; whatever has been put in meanwhile stays as it
# is. Of one that is older than its copy, because Redis has lost the last changes, nothing stays: no line, and no note
# of an order, for what that has bought is out of the copy. KEYS: the cart. ARGV: seconds to live, version of the copy,
# "1" if there is a copy or is known to be none, "" if it could not be read: then that is noted, for a later look. Then
# sku and quantity of each line. Returns 1 if something is there again, else 0; and fields and values.
BRING_BACK = (
    TIDY
    + VERSIONS
    + """
tidy(KEYS[1], 'hash')
local is_back = #ARGV > 3 and 1 or 0
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HEXISTS', KEYS[1], ':unread') == 0 then
  if version_of(KEYS[1]) >= tonumber(ARGV[2]) then return {0, redis.call('HGETALL', KEYS[1])} end
  redis.call('DEL', KEYS[1])
  is_back = 1
end
raise_version(KEYS[1], tonumber(ARGV[2]))
for i = 4, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
if ARGV[3] == '' then redis.call('HSET', KEYS[1], ':unread', 1) else redis.call('HDEL', KEYS[1], ':unread') end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return {is_back, redis.call('HGETALL', KEYS[1])}
"""
)

# KEYS: a person's cart. ARGV: the version that was copied.
COPIED = """
if redis.call('HEXISTS', KEYS[1], ':version') == 1 then redis.call('HSET', KEYS[1], ':copied', ARGV[1]) end
"""
