-- Ends the pause of a run, or a hold.
-- ARGV: run id
-- Gives as pause_run.lua; or 'under_way ' and the id of another run that reads the file of a failed
-- one now.
local queue = run_key(ARGV[1])
local run = redis.call('HMGET', queue, 'state', 'paused', 'held', 'file_replaced', 'container', 'file', 'etag')
if not run[1] then
  return 'unknown'
end
if run[2] or run[3] then
  redis.call('HDEL', queue, 'paused', 'held', 'held_until', 'holds')
  update_round(queue, 0, about_now())
  return 'done'
end
local other = run[1] == 'failed' and not run[4] and run_of_same_file(run[5], run[6], run[7])
if other then
  return 'under_way ' .. other
end
if run[1] == 'feeding' then
  -- Why its reading was interrupted.
  redis.call('HDEL', queue, 'reason')
end
if run[1] == 'feeding' or run[1] == 'draining' or (run[1] == 'failed' and not run[4]) then
  return 'already'
end
return run[1]
