-- Gives a load to a run that has none: the run moves into the round of deliveries.
-- ARGV: run id, load id, summary of the load, load
-- Gives 1, or 0 when nothing was changed.
local queue = run_key(ARGV[1])
local run = redis.call('HMGET', queue, 'state', 'load_id')
if not run[1] or run[2] then
  return 0
end
redis.call('ZREM', round_of_run(nil), queue)
redis.call('HSET', queue, 'load_id', ARGV[2], 'load', ARGV[3], 'load_text', ARGV[4], 'load_assumed', 1)
update_round(queue, 0, about_now())
return 1
