-- Last step of a push: feeding goes on after these batches, whatever happens.
-- Counts the bytes of each job once, and only while the job is on the queue.
-- KEYS: run, feeder lock, depth, job data, settled batches, the run's parked jobs
-- ARGV: lock token, first sequence, next sequence, record, line, byte, prefix of
--       the jobs' metadata keys, job id, sequence, job id, sequence, …
-- Gives 'ok', jobs, bytes; or as announce.lua.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return {'lock_lost'}
end
local run = redis.call('HMGET', KEYS[1], 'state', 'reason', 'fed_sequence', 'rejects_pending_bytes')
if run[1] ~= 'feeding' then
  return {'ended', run[1] or 'unknown', run[2] or ''}
end
-- The same checkpoint again (its answer was lost) changes nothing.
if run[3] ~= ARGV[2] and run[3] ~= ARGV[3] then
  return {'rewound'}
end
-- A Redis that took over without the push has none of these jobs.
for i = 8, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[4], ARGV[i]) == 0
    and redis.call('GETBIT', KEYS[5], ARGV[i + 1]) == 0 then
    return {'rewound'}
  end
end
redis.call('HSET', KEYS[1], 'fed_sequence', ARGV[3], 'fed_record', ARGV[4],
  'fed_line', ARGV[5], 'fed_byte', ARGV[6])
for i = 8, #ARGV, 2 do
  local meta = ARGV[7] .. ARGV[i]
  -- What is there: after a crash it may have been delivered in part.
  local bytes = redis.call('HSTRLEN', KEYS[4], ARGV[i])
  if bytes > 0 and redis.call('HSETNX', meta, 'bytes', bytes) == 1 then
    redis.call('HINCRBY', KEYS[3], 'bytes', bytes)
  end
end
local bytes = tonumber(redis.call('HGET', KEYS[3], 'bytes') or '0') + tonumber(run[4] or '0')
-- Parked jobs do not stand in the way of others; the run's own may come back at any time.
local parked = (redis.call('HGET', KEYS[3], 'parked') or '0') - redis.call('ZCARD', KEYS[6])
return {'ok', redis.call('HLEN', KEYS[4]) - parked, bytes}
