-- Shows that a worker is there that cannot work yet. By wall-clock time, as live.lua.
-- ARGV: registry, name, how long that holds unless it is shown again (ms)
-- First what frees memory, see settle.lua.
local time, registry = redis.call('TIME'), P .. ':' .. ARGV[1]
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', registry, '-inf', now)
redis.call('ZADD', registry, now + ARGV[3], ARGV[2])
redis.call('PEXPIRE', registry, ARGV[3])
