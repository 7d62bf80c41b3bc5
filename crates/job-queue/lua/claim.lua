-- Hands out one job under a lease.
-- KEYS: scheduled, delayed, leases, lease tokens, deliveries, job data, depth
-- ARGV: lease ms, lease token, prefix of the jobs' metadata keys, prefix of run keys
-- Gives id, deliveries, payload; or nothing when there is no job (or only jobs to drop: ask again).
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Jobs whose lease ran out, and jobs whose delay is over, go to the front.
for _, set in ipairs({KEYS[3], KEYS[2]}) do
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, 100)) do
    redis.call('ZREM', set, id)
    redis.call('HDEL', KEYS[4], id)
    redis.call('ZADD', KEYS[1], 0, id)
  end
end

local function drop(id, meta, bytes)
  redis.call('HDEL', KEYS[6], id)
  redis.call('HDEL', KEYS[5], id)
  redis.call('DEL', meta)
  if bytes then
    redis.call('HINCRBY', KEYS[7], 'bytes', -bytes)
  end
end

for _ = 1, 100 do
  local popped = redis.call('ZPOPMIN', KEYS[1])
  local id = popped[1]
  if not id then
    return false
  end
  local meta = ARGV[3] .. id
  local about = redis.call('HMGET', meta, 'run', 'sequence', 'bytes')
  local payload = redis.call('HGET', KEYS[6], id)
  local run = ARGV[4] .. (about[1] or '')
  if not payload or not about[1]
    -- pushed again after a crash, though it was settled before
    or redis.call('GETBIT', run .. ':settled', about[2]) == 1
    or redis.call('HGET', run, 'state') == 'failed' then
    drop(id, meta, about[3])
  else
    redis.call('ZADD', KEYS[3], now + tonumber(ARGV[1]), id)
    redis.call('HSET', KEYS[4], id, ARGV[2])
    return {id, redis.call('HINCRBY', KEYS[5], id, 1), payload}
  end
end
return false
