-- Ends the pause of a run. Its parked jobs go back on the queue as jobs are claimed.
-- KEYS: run, resumed runs
-- ARGV: run id
-- Gives as pause_run.lua.
local run = redis.call('HMGET', KEYS[1], 'state', 'paused', 'file_replaced')
if not run[1] then
  return 'unknown'
end
if not run[2] then
  if run[1] == 'feeding' or run[1] == 'draining' or (run[1] == 'failed' and not run[3]) then
    return 'already'
  end
  return run[1]
end
redis.call('HDEL', KEYS[1], 'paused')
redis.call('SADD', KEYS[2], ARGV[1])
return 'done'
