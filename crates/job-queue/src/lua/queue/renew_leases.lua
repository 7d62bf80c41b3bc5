-- A worker's heartbeat: registers it as live, renews its leases, and says which are lost, and which are
-- of runs that are being cancelled.
-- ARGV: registry, lease ms, worker's name, its default load, queue, id, token, queue, id, token, …
-- Gives the tokens whose lease another worker holds, or nobody; and those of cancelled runs.
-- Begins with what frees memory, see settle.lua.
redis.call('HDEL', P .. ':clock', '')
local now, lost, cancelled = working_time(ARGV[2] / 2), {}, {}
local time = redis.call('TIME')
local registry, wall = P .. ':' .. ARGV[1], time[1] * 1000 + math.floor(time[2] / 1000)
-- First what frees memory, see settle.lua: a full Redis takes no lease.
redis.call('HDEL', registry .. ':loads', '')
for _, name in ipairs(redis.call('ZRANGEBYSCORE', registry, '-inf', wall)) do
  redis.call('ZREM', registry, name)
  redis.call('HDEL', registry .. ':loads', name)
end
redis.call('ZADD', registry, wall + ARGV[2], ARGV[3])
redis.call('HSET', registry .. ':loads', ARGV[3], ARGV[4])
for i = 5, #ARGV, 3 do
  if holds(ARGV[i], ARGV[i + 1], ARGV[i + 2]) then
    redis.call('ZADD', ARGV[i] .. ':leases', 'XX', now + ARGV[2], ARGV[i + 1])
    if redis.call('HGET', ARGV[i], 'state') == 'cancelling' then
      cancelled[#cancelled + 1] = ARGV[i + 2]
    end
  else
    lost[#lost + 1] = ARGV[i + 2]
    -- The worker was stopped, and did not die of the batch: the delivery did not fail after all.
    local notes, id = ARGV[i] .. ':notes', ARGV[i + 1]
    if redis.call('HGET', notes, id .. ':blamed') == ARGV[i + 2] then
      redis.call('HDEL', notes, id .. ':blamed')
      redis.call('HINCRBY', notes, id .. ':failed', -1)
    end
  end
end
return {lost, cancelled}
