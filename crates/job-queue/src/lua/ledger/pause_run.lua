-- A person pauses a run: no more of it is read or handed out until it is resumed.
-- ARGV: run id
-- Gives 'done', 'already', 'unknown', or the state in which a run cannot be paused.
local queue = run_key(ARGV[1])
local run = redis.call('HMGET', queue, 'state', 'paused')
if not run[1] then
  return 'unknown'
end
if run[1] ~= 'feeding' and run[1] ~= 'draining' then
  return run[1]
end
if run[2] then
  return 'already'
end
-- First what frees memory, see settle.lua: a full Redis is when a person pauses.
redis.call('HDEL', queue, 'paused')
redis.call('HSET', queue, 'paused', 1)
update_round(queue, 0, about_now())
return 'done'
