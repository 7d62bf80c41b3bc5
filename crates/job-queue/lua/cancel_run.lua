-- Ends a run for good: nothing more of it is read, and what is queued is not delivered. What is
-- being delivered at this moment is seen through.
-- KEYS: run, unfinished runs, resumed runs, settled batches
-- ARGV: run id
-- Gives as pause_run.lua.
local run = redis.call('HMGET', KEYS[1], 'state', 'fed_sequence')
if not run[1] then
  return 'unknown'
end
if run[1] == 'cancelling' or run[1] == 'cancelled' then
  return 'already'
end
if run[1] ~= 'feeding' and run[1] ~= 'draining' then
  return run[1]
end
redis.call('HDEL', KEYS[1], 'paused', 'waits_for_room')
redis.call('SADD', KEYS[3], ARGV[1])
redis.call('SREM', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], 'state', 'cancelling')
local fed = tonumber(run[2])
if settled_before(KEYS[4], fed) == fed then
  end_run(KEYS[1], KEYS[2], ARGV[1], 'cancelled')
end
return 'done'
