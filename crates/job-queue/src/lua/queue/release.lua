-- Puts a leased job back on its queue, to be claimed after a delay.
-- ARGV: queue, job id, lease token, delay ms, what this delivery counts
--       ('counts', 'uncounted', or 'progress' with the smaller payload behind it)
-- Gives 'recorded' or 'lease_lost'.
local queue, id, bytes = ARGV[1], ARGV[2], 0
if not holds(queue, id, ARGV[3]) then
  return 'lease_lost'
end
if redis.call('HGET', queue, 'file_replaced') then
  -- Nobody will ask for it, see fail_run.lua.
  update_round(queue, -remove_job(queue, id), about_now())
  return 'recorded'
end
-- First what frees memory, see settle.lua.
redis.call('ZREM', queue .. ':leases', id)
redis.call('HDEL', queue .. ':notes', id, id .. ':waits')
if ARGV[5] == 'progress' then
  -- What was under way was for the larger job.
  redis.call('HDEL', queue .. ':notes', id .. ':job', id .. ':vain', id .. ':blamed')
  bytes = #ARGV[6] - redis.call('HSTRLEN', queue .. ':data', id)
  redis.call('HSET', queue .. ':data', id, ARGV[6])
elseif ARGV[5] == 'counts' then
  redis.call('HINCRBY', queue .. ':notes', id .. ':vain', 1)
end
local now, delay = about_now(), tonumber(ARGV[4])
if delay > 0 then
  redis.call('ZADD', queue .. ':delayed', now + delay, id)
else
  redis.call('ZADD', queue .. ':queued', queue == IMPORTS and now or id, id)
end
update_round(queue, bytes, now)
return 'recorded'
