"""The Lua scripts of the session store. Each reads and changes one key, so each is one step on a cluster too."""

# KEYS: the session. Returns it, after pushing its end out as far as its header says.
READ_AND_PUSH_OUT = """
local stored = redis.call('GET', KEYS[1])
if not stored then return nil end
local header = string.sub(stored, 1, string.find(stored, '\\n', 1, true))
local idle = string.match(header, '"idle":(%d+)')
if idle then redis.call('EXPIRE', KEYS[1], idle) end
return stored
"""

# KEYS: the session. ARGV: seal of the version that the caller knows, new value, seconds to live ("" none).
# Returns 1 when done, nil when there is no session, else the value that is there instead.
COMPARE_AND_SET = """
local stored = redis.call('GET', KEYS[1])
if not stored then return nil end
if string.sub(stored, 1, #ARGV[1]) ~= ARGV[1] then return stored end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
return 1
"""

# KEYS: the session. ARGV: the salt with which it or its login began, seconds to keep a marker in its place ("" none).
# Ends the session whatever has been written and rotated meanwhile, by a password change too, but for another login. The
# salt stands in the header, before the line's end; quotes in its texts are escaped, so nothing else there looks so.
END = """
local stored = redis.call('GET', KEYS[1])
if not stored then return 0 end
local header = string.sub(stored, 1, string.find(stored, '\\n', 1, true))
local function has(field) return string.find(header, '"' .. field .. '":"' .. ARGV[1] .. '"', 1, true) end
if not (has('root') or has('salt') and not string.find(header, '"root":', 1, true)) then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], '', 'EX', ARGV[2]) end
return 1
"""
