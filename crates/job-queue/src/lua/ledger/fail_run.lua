-- Ends an open run, with a reason. Its queue stays as it is: resumed, the run goes on there. When the
-- version of its file is gone, it never goes on: batches that no consumer holds are discarded, for
-- they would take room from all other runs for as long as the run is kept.
-- ARGV: run id, reason, '1' when the version of the file that it reads is gone
local queue = run_key(ARGV[1])
local state = redis.call('HGET', queue, 'state')
if state ~= 'feeding' and state ~= 'draining' then
  return 0
end
drop_unkept(queue)
local bytes = 0
if ARGV[3] == '1' then
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
return 1
