-- Everything of the blob is on the queue; the run ends when the last batch is settled.
-- KEYS: run, feeder lock, unfinished runs, settled batches
-- ARGV: run id, lock token, batches, records
-- Gives as announce.lua.
if redis.call('GET', KEYS[2]) ~= ARGV[2] then
  return {'lock_lost'}
end
local run = redis.call('HMGET', KEYS[1], 'state', 'reason', 'fed_sequence')
if run[1] == 'draining' or run[1] == 'completed' then
  return {'ok'}
end
if run[1] ~= 'feeding' then
  return {'ended', run[1] or 'unknown', run[2] or ''}
end
if run[3] ~= ARGV[3] then
  return {'rewound'}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'state', 'draining', 'fed_at_ms', now, 'read', ARGV[4])
local fed = tonumber(ARGV[3])
if settled_before(KEYS[4], fed) == fed then
  end_run(KEYS[1], KEYS[3], ARGV[1], 'completed')
end
return {'ok'}
