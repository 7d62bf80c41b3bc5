-- Replaces figures that everybody may know, and says when.
-- KEYS: the figures. ARGV: name, value, name, value, …
-- Begins with what frees memory, see settle.lua: a consumer that starts while Redis is full is
-- needed to drain it.
redis.call('DEL', KEYS[1])
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'seen_at_ms', time[1] * 1000 + math.floor(time[2] / 1000), unpack(ARGV))
