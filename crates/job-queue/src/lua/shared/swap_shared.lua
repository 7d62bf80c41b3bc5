-- Compare-and-swap: replaces the shared value unless it was replaced since it was read.
-- ARGV: version that was read, the new value, how long it is kept (ms).
local key = P .. ':shared'
if (redis.call('HGET', key, 'version') or '0') ~= ARGV[1] then
  return 0
end
-- First what frees memory, see settle.lua.
redis.call('HDEL', key, 'value')
redis.call('HSET', key, 'version', ARGV[1] + 1, 'value', ARGV[2])
redis.call('PEXPIRE', key, ARGV[3])
return 1
