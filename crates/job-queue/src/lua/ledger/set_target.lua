-- Assigns a target to a run: the run moves into that target's round.
-- ARGV: run id, target id, target, '1': only when it has none yet
-- Gives 1, or 0 when nothing was changed.
local queue = run_key(ARGV[1])
local run = redis.call('HMGET', queue, 'state', 'target_id')
if not run[1] or (ARGV[4] == '1' and run[2]) then
  return 0
end
redis.call('ZREM', round_of(run[2]), queue)
redis.call('HSET', queue, 'target_id', ARGV[2], 'target', ARGV[3])
update_round(queue, 0, about_now())
return 1
