-- Ends a run for good: no more of it is read, and what is queued is not delivered. Of batches that are
-- being delivered, calls that are under way are finished.
-- ARGV: run id
-- Gives as pause_run.lua.
local queue = run_key(ARGV[1])
local state = redis.call('HGET', queue, 'state')
if not state then
  return 'unknown'
end
if state == 'cancelling' or state == 'cancelled' then
  return 'already'
end
if state == 'completed' then
  return state
end
drop_unkept(queue)
keep(queue)
redis.call('HDEL', queue, 'paused', 'held', 'held_until', 'waits_for_room', 'reason', 'finished_at_ms')
redis.call('HSET', queue, 'state', 'cancelling')
redis.call('SREM', P .. ':runs:unfinished', ARGV[1])
-- Delays end now: all of it is to be discarded.
redis.call('ZUNIONSTORE', queue .. ':queued', 2, queue .. ':queued', queue .. ':delayed')
redis.call('DEL', queue .. ':delayed')
if redis.call('EXISTS', queue .. ':data') == 0 then
  end_run(ARGV[1], 'cancelled')
else
  update_round(queue, 0, about_now())
end
return 'done'
