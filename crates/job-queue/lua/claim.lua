-- Hands out one job under a lease.
-- KEYS: scheduled, delayed, leases, lease tokens, deliveries, job data, depth, resumed runs
-- ARGV: lease ms, lease token, prefix of the jobs' metadata keys, prefix of run keys
-- Gives id, deliveries, payload, what to do ('deliver' or 'cancel'), and what is under way for it
-- in Salesforce ('' for nothing); or nothing when there is no job (or only jobs to drop or to park:
-- ask again).
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

-- Jobs of a run that is paused no more come back to where they were, as far as there is room.
local resumed = redis.call('SRANDMEMBER', KEYS[8])
if resumed and redis.call('HEXISTS', ARGV[4] .. resumed, 'paused') == 1 then
  -- Paused again before all were back.
  redis.call('SREM', KEYS[8], resumed)
elseif resumed then
  local most = 100
  local jobs_high = redis.call('HGET', KEYS[7], 'jobs_high')
  if jobs_high then
    for set = 1, 3 do
      jobs_high = jobs_high - redis.call('ZCARD', KEYS[set])
    end
    most = math.max(0, math.min(most, jobs_high))
  end
  local parked = redis.call('ZPOPMIN', ARGV[4] .. resumed .. ':parked', most)
  for i = 1, #parked, 2 do
    redis.call('ZADD', KEYS[1], parked[i + 1], parked[i])
  end
  if #parked > 0 then
    redis.call('HINCRBY', KEYS[7], 'parked', -(#parked / 2))
  end
  if #parked / 2 < most then
    redis.call('SREM', KEYS[8], resumed)
  end
end

local function drop(id, meta, bytes)
  redis.call('HDEL', KEYS[6], id)
  redis.call('HDEL', KEYS[5], id)
  redis.call('DEL', meta)
  count_off(KEYS[6], KEYS[7], bytes)
end

for _ = 1, 100 do
  local popped = redis.call('ZPOPMIN', KEYS[1])
  local id = popped[1]
  if not id then
    return false
  end
  local meta = ARGV[3] .. id
  -- Only batches have a sequence; what imports a whole run is handed out in any state of it.
  local about = redis.call('HMGET', meta, 'run', 'sequence', 'bytes', 'ingest_job')
  local payload = redis.call('HGET', KEYS[6], id)
  local run = ARGV[4] .. (about[1] or '')
  local is_batch = about[2]
  -- Rows that are in Salesforce's hands already: somebody has to hear what became of them.
  local is_under_way = about[4]
  local of_run = redis.call('HMGET', run, 'state', 'paused')
  if not payload or not about[1]
    -- pushed again after a crash, though it was settled before
    or is_batch and redis.call('GETBIT', run .. ':settled', about[2]) == 1
    -- forgotten, or to be fed again
    or is_batch and (not of_run[1] or of_run[1] == 'failed') then
    drop(id, meta, about[3])
  elseif is_batch and of_run[2] and not is_under_way then
    redis.call('ZADD', run .. ':parked', popped[2], id)
    redis.call('HINCRBY', KEYS[7], 'parked', 1)
  else
    redis.call('ZADD', KEYS[3], now + tonumber(ARGV[1]), id)
    redis.call('HSET', KEYS[4], id, ARGV[2])
    -- Also when the run has ended: what was done of the batch before has to be counted.
    local is_cancelled = of_run[1] == 'cancelling' or of_run[1] == 'cancelled'
    return {id, redis.call('HINCRBY', KEYS[5], id, 1), payload,
      is_batch and is_cancelled and not is_under_way and 'cancel' or 'deliver', is_under_way or ''}
  end
end
return false
