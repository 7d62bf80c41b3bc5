-- Notes that deliveries stand still, since when, why, and when that is tried again.
-- KEYS: the note. ARGV: why, how long it holds without being said again (ms), how long until it is
--       tried again (ms; '': not known).
-- First what frees memory, see settle.lua.
redis.call('HDEL', KEYS[1], 'reason', 'until_ms')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSETNX', KEYS[1], 'since_ms', now)
redis.call('HSET', KEYS[1], 'reason', ARGV[1])
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'until_ms', now + ARGV[3])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
