-- Ends a run that is under way, with a reason. Its queue stays as it is: started again, it goes on there.
-- ARGV: run id, reason, '1' when the version of the file that it reads is gone
local queue = run_key(ARGV[1])
local state = redis.call('HGET', queue, 'state')
if state ~= 'feeding' and state ~= 'draining' then
  return 0
end
redis.call('HSET', queue, 'reason', ARGV[2])
if ARGV[3] == '1' then
  redis.call('HSET', queue, 'file_replaced', 1)
end
drop_unkept(queue)
end_run(ARGV[1], 'failed')
return 1
