-- Sets fields of a run's entry; does not create an entry that is gone.
-- ARGV: run id, the state that it has to be in ('': any), field, value, field, value, …
local queue = run_key(ARGV[1])
local state = redis.call('HGET', queue, 'state')
if state and (ARGV[2] == '' or state == ARGV[2]) then
  redis.call('HSET', queue, unpack(ARGV, 3))
  return 1
end
return 0
