-- Notes that the feeder waits for room on the queue, or goes on. Sums, so that it is idempotent.
-- ARGV: run id, milliseconds waited in all, number of waits, 1 while it waits
-- A Redis that took over without the run gets no entry that is nothing but these.
local queue = run_key(ARGV[1])
local run = redis.call('HMGET', queue, 'started_at_ms', 'backpressure_ms')
if not run[1] then
  return 0
end
-- First what frees memory, see settle.lua: a full Redis is waited for by who pushes, and by nobody who counts.
redis.call('HDEL', queue, '')
add_to_series(queue .. ':series', run[1], 'w', ARGV[2] - (run[2] or 0), wall_clock())
redis.call('HSET', queue, 'backpressure_ms', ARGV[2], 'backpressure_waits', ARGV[3], 'waits_for_room', ARGV[4])
return 1
