-- Ends an open run, with a reason. Its queue stays as it is: resumed, the run goes on there. When the
-- version of its file is gone, it never goes on: batches that no consumer holds are discarded, for
-- they would take room from all other runs for as long as the run is kept.
-- A load that does not fit, and that a consumer gave to the run, goes again, unless some of the run was
-- delivered by it: resumed, the run may get another one.
-- ARGV: run id, reason, why: 'replaced' (the version of the file that it reads is gone), 'misfit' or ''
local queue = run_key(ARGV[1])
local state = redis.call('HGET', queue, 'state')
if state ~= 'feeding' and state ~= 'draining' then
  return 0
end
drop_unkept(queue)
local bytes = 0
if ARGV[3] == 'replaced' then
  for _, part in ipairs({':queued', ':delayed'}) do
    for _, id in ipairs(redis.call('ZRANGE', queue .. part, 0, -1)) do
      bytes = bytes + remove_job(queue, id)
    end
    redis.call('DEL', queue .. part)
  end
  redis.call('HSET', queue, 'file_replaced', 1)
end
redis.call('HSET', queue, 'reason', ARGV[2])
end_run(ARGV[1], 'failed')
update_round(queue, -bytes, 0)
local load = redis.call('HMGET', queue, 'load_assumed', 'batches_settled')
if ARGV[3] == 'misfit' and load[1] and load[2] == '0' then
  redis.call('HDEL', queue, 'load_id', 'load', 'load_text', 'load_assumed')
end
return 1
