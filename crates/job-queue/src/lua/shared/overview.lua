-- What is queued of all runs, and what all programs know together: one look, for figures. It reads
-- 1,000 queues at most, and the newest 100 runs for lines that are in no file yet, as servers do.
-- ARGV: kinds of outage
-- Gives the time; batches that wait, are delayed, leased, or parked since their run is not delivered
-- now; the bytes of all; when the oldest batch of a run that is delivered was queued ('': none); since
-- when batches can be delivered ('': there are none); when a batch was settled last (''); bytes of
-- rejected rows that are in no file yet, and those of them whose run has ended; live consumers and
-- servers; the use of the API; the org's limits; the kinds of outage there are; 1 if a consumer was
-- refused its sign-in; runs that have completed, failed, and were cancelled.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local waiting, delayed, leased, parked, bytes = 0, 0, 0, 0, 0
local oldest, deliverable
local weights = redis.call('ZRANGE', P .. ':weights', 0, 999, 'WITHSCORES')
for i = 1, #weights, 2 do
  local queue = weights[i]
  bytes = bytes + weights[i + 1]
  local about = redis.call('HMGET', queue, 'state', 'paused', 'held', 'load_id', 'deliverable_since_ms')
  local is_delivered = is_open(about) and about[4]
  local counts = {}
  for at, part in ipairs({':queued', ':delayed', ':leases'}) do
    counts[at] = redis.call('ZCARD', queue .. part)
    -- The first of each: good to a batch, and as fast for a million of them.
    local first = is_delivered and redis.call('ZRANGE', queue .. part, 0, 0)[1]
    local queued = first and redis.call('HGET', queue .. ':notes', first .. ':queued')
    if queued then
      queued = math.abs(queued)
      oldest = math.min(oldest or now, queued)
      -- A pause of the run, or a hold, is no standstill: it begins when that ends.
      deliverable = math.min(deliverable or now, math.max(queued, tonumber(about[5] or 0)))
    end
  end
  leased = leased + counts[3]
  if is_delivered then
    waiting, delayed = waiting + counts[1], delayed + counts[2]
  else
    parked = parked + counts[1] + counts[2]
  end
end
local pending, left = 0, 0
for _, run in ipairs(redis.call('ZREVRANGE', P .. ':runs', 0, 99)) do
  local about = redis.call('HMGET', run_key(run), 'rejects_pending_bytes', 'finished_at_ms')
  local bytes_of_run = tonumber(about[1] or 0)
  pending = pending + bytes_of_run
  if about[2] then
    left = left + bytes_of_run
  end
end
local consumers, outages = count_live('consumers', now), {}
for _, kind in ipairs(ARGV) do
  if outage_of(kind, consumers)[1] then
    outages[#outages + 1] = kind
  end
end
return {now, {waiting, delayed, leased, parked}, bytes, {oldest or '', deliverable or ''},
  redis.call('GET', P .. ':last-settled') or '', {pending, left}, {consumers, count_live('servers', now)},
  redis.call('HMGET', P .. ':api-usage', 'used', 'max', 'seen_at_ms'),
  redis.call('HMGET', P .. ':org-limits', 'calls_max', 'calls_left', 'bulk_max', 'bulk_left', 'seen_at_ms'),
  outages, redis.call('EXISTS', P .. ':sign-in-refused'),
  redis.call('HMGET', P .. ':runs:ended', 'completed', 'failed', 'cancelled')}
