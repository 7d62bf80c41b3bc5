-- Publishes an outage: since when, why, and when consumers retry.
-- ARGV: its key, reason, how long it holds unless it is published again (ms), how long until consumers
--       retry (ms; '': not known)
-- First what frees memory, see settle.lua.
local key = P .. ':' .. ARGV[1]
redis.call('HDEL', key, 'reason', 'until_ms')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSETNX', key, 'since_ms', now)
redis.call('HSET', key, 'reason', ARGV[2])
if ARGV[4] ~= '' then
  redis.call('HSET', key, 'until_ms', now + ARGV[4])
end
redis.call('PEXPIRE', key, ARGV[3])
