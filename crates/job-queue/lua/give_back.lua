-- Puts a leased job back on the queue, to be claimed after a delay.
-- KEYS: scheduled, delayed, leases, lease tokens, deliveries, job data, depth, job metadata
-- ARGV: job id, lease token, delay ms, what this delivery counts
--       ('counts', 'uncounted', or 'progress' with the smaller payload as ARGV[5])
-- Gives 'recorded' or 'lease_lost'.
local id = ARGV[1]
if redis.call('HGET', KEYS[4], id) ~= ARGV[2] then
  return 'lease_lost'
end
-- First what frees memory, see settle.lua.
redis.call('ZREM', KEYS[3], id)
redis.call('HDEL', KEYS[4], id)
if ARGV[4] == 'progress' then
  -- What was under way was for the larger job.
  redis.call('HDEL', KEYS[8], 'ingest_job')
  redis.call('HSET', KEYS[6], id, ARGV[5])
  local bytes = redis.call('HGET', KEYS[8], 'bytes')
  if bytes then
    redis.call('HSET', KEYS[8], 'bytes', #ARGV[5])
    redis.call('HINCRBY', KEYS[7], 'bytes', #ARGV[5] - bytes)
  end
  redis.call('HDEL', KEYS[5], id)
elseif ARGV[4] == 'uncounted' then
  redis.call('HINCRBY', KEYS[5], id, -1)
end
local delay = tonumber(ARGV[3])
if delay > 0 then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000) + delay, id)
else
  redis.call('ZADD', KEYS[1], 0, id)
end
return 'recorded'
