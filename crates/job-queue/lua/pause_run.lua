-- A person stops a run for a while: nothing of it is read or handed out until it is resumed.
-- KEYS: run
-- Gives 'done', 'already', 'unknown', or the state in which a run cannot be paused.
local run = redis.call('HMGET', KEYS[1], 'state', 'paused')
if not run[1] then
  return 'unknown'
end
if run[1] ~= 'feeding' and run[1] ~= 'draining' then
  return run[1]
end
if run[2] then
  return 'already'
end
redis.call('HSET', KEYS[1], 'paused', 1)
return 'done'
