-- Replaces shared figures, with the time.
-- ARGV: key, name, value, name, value, …
-- Begins with what frees memory, see settle.lua: a consumer that starts while Redis is full is
-- needed to drain it.
local key = P .. ':' .. ARGV[1]
redis.call('DEL', key)
local time = redis.call('TIME')
redis.call('HSET', key, 'seen_at_ms', time[1] * 1000 + math.floor(time[2] / 1000), unpack(ARGV, 2))
