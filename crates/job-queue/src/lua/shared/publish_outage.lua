-- Publishes an outage: since when, why, and when consumers retry.
-- ARGV: reason, how long it holds unless it is published again (ms), how long until consumers
--       retry (ms; '': not known), what kind of outage it is.
-- First what frees memory, see settle.lua.
local key = P .. ':outage'
redis.call('HDEL', key, 'reason', 'until_ms', 'kind')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSETNX', key, 'since_ms', now)
redis.call('HSET', key, 'reason', ARGV[1], 'kind', ARGV[4])
if ARGV[3] ~= '' then
  redis.call('HSET', key, 'until_ms', now + ARGV[3])
end
redis.call('PEXPIRE', key, ARGV[2])
