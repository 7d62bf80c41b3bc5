-- Notes that deliveries stand still, since when, and why.
-- KEYS: the note. ARGV: why, how long it holds without being said again (ms).
-- First what frees memory, see settle.lua.
redis.call('HDEL', KEYS[1], 'reason')
local time = redis.call('TIME')
redis.call('HSETNX', KEYS[1], 'since_ms', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[1], 'reason', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
