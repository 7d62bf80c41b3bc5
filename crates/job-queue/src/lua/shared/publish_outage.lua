-- Notes that deliveries stand still, since when, why, and when that is tried again.
-- ARGV: why, how long it holds without being said again (ms), how long until it is
--       tried again (ms; '': not known).
-- First what frees memory, see settle.lua.
local key = P .. ':outage'
redis.call('HDEL', key, 'reason', 'until_ms')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSETNX', key, 'since_ms', now)
redis.call('HSET', key, 'reason', ARGV[1])
if ARGV[3] ~= '' then
  redis.call('HSET', key, 'until_ms', now + ARGV[3])
end
redis.call('PEXPIRE', key, ARGV[2])
