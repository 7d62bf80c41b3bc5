-- Ends a run that is under way, with a reason. Its queued jobs are dropped when they are claimed.
-- KEYS: run, unfinished runs, resumed runs
-- ARGV: run id, reason
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'feeding' and state ~= 'draining' then
  return 0
end
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'state', 'failed', 'reason', ARGV[2],
  'finished_at_ms', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HDEL', KEYS[1], 'paused', 'waits_for_room')
redis.call('SREM', KEYS[2], ARGV[1])
-- What is parked of it is dropped too.
redis.call('SADD', KEYS[3], ARGV[1])
return 1
