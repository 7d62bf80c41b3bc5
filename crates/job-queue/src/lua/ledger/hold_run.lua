-- Holds a run: no consumer can deliver it until a person or time has changed something.
-- ARGV: run id, reason, for how long (ms; '': until a person resumes it)
-- Gives how often it was held since it made progress; 0 when it has ended. Holding it again while it
-- is held does not count.
local queue = run_key(ARGV[1])
local run = redis.call('HMGET', queue, 'state', 'held', 'holds')
local state = run[1]
if state ~= 'feeding' and state ~= 'draining' then
  return 0
end
local now = about_now()
redis.call('HDEL', queue, 'held_until')
redis.call('HSET', queue, 'held', ARGV[2])
if ARGV[3] ~= '' then
  redis.call('HSET', queue, 'held_until', now + ARGV[3])
end
update_round(queue, 0, now)
return run[2] and tonumber(run[3] or 0) or redis.call('HINCRBY', queue, 'holds', 1)
