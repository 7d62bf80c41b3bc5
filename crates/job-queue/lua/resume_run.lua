-- Ends the pause of a run. Its parked jobs go back on the queue as jobs are claimed.
-- KEYS: run, resumed runs, unfinished runs
-- ARGV: run id, prefix of run keys
-- Gives as pause_run.lua; or 'under_way ' and the id of another run that reads the file of a failed
-- one meanwhile.
local run = redis.call('HMGET', KEYS[1], 'state', 'paused', 'file_replaced', 'container', 'file', 'etag')
if not run[1] then
  return 'unknown'
end
if not run[2] then
  local other = run[1] == 'failed' and not run[3]
    and run_of_same_file(KEYS[3], ARGV[2], run[4], run[5], run[6])
  if other then
    return 'under_way ' .. other
  end
  if run[1] == 'feeding' or run[1] == 'draining' or (run[1] == 'failed' and not run[3]) then
    return 'already'
  end
  return run[1]
end
redis.call('HDEL', KEYS[1], 'paused')
redis.call('SADD', KEYS[2], ARGV[1])
return 'done'
