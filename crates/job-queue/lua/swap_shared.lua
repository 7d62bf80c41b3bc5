-- Replaces a value that nobody has replaced since it was read.
-- KEYS: the value. ARGV: version that was read, the new value, how long it is kept (ms).
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then
    return 0
end
-- First what frees memory, see settle.lua.
redis.call('HDEL', KEYS[1], 'value')
redis.call('HSET', KEYS[1], 'version', ARGV[1] + 1, 'value', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
