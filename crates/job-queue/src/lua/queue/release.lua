-- Puts a leased job back on its queue, to be claimed after a delay.
-- ARGV: queue, job id, lease token, delay ms, what this delivery counts as
--       ('failed', 'uncounted', or 'progress' and the smaller payload)
-- Gives 'recorded' or 'lease_lost'.
local queue, id, bytes = ARGV[1], ARGV[2], 0
if not holds(queue, id, ARGV[3]) then
  return 'lease_lost'
end
if redis.call('HGET', queue, 'file_replaced') then
  -- The run never goes on, see fail_run.lua: the batch would take room for nothing.
  update_round(queue, -remove_job(queue, id), about_now())
  return 'recorded'
end
-- First what frees memory, see settle.lua.
redis.call('ZREM', queue .. ':leases', id)
redis.call('HDEL', queue .. ':notes', id, id .. ':waits')
if ARGV[5] == 'progress' then
  -- The external job was for the larger batch.
  redis.call('HDEL', queue .. ':notes', id .. ':external_job', id .. ':failed', id .. ':blamed')
  bytes = #ARGV[6] - redis.call('HSTRLEN', queue .. ':data', id)
  redis.call('HSET', queue .. ':data', id, ARGV[6])
elseif ARGV[5] == 'failed' then
  redis.call('HINCRBY', queue .. ':notes', id .. ':failed', 1)
end
local now, delay = about_now(), tonumber(ARGV[4])
if redis.call('HGET', queue, 'state') == 'cancelling' then
  -- It is discarded by whoever claims it next, or its external job is ended: that need not wait.
  delay = 0
end
if delay > 0 then
  redis.call('ZADD', queue .. ':delayed', now + delay, id)
else
  redis.call('ZADD', queue .. ':queued', queue == IMPORTS and now or id, id)
end
update_round(queue, bytes, now)
return 'recorded'
