-- Ends a run that is under way, with a reason. Its queued jobs are dropped when they are claimed.
-- KEYS: run, unfinished runs, resumed runs
-- ARGV: run id, reason, '1' when the version of the file that it reads is gone
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'feeding' and state ~= 'draining' then
  return 0
end
redis.call('HSET', KEYS[1], 'reason', ARGV[2])
if ARGV[3] == '1' then
  redis.call('HSET', KEYS[1], 'file_replaced', 1)
end
end_run(KEYS[1], KEYS[2], ARGV[1], 'failed')
-- What is parked of it is dropped too.
redis.call('SADD', KEYS[3], ARGV[1])
return 1
