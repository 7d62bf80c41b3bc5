-- Changes what is kept of a run; one that is forgotten stays so.
-- ARGV: run id, field, value; the state that it has to be in ('': any)
local queue = run_key(ARGV[1])
local state = redis.call('HGET', queue, 'state')
if state and (ARGV[4] == '' or state == ARGV[4]) then
  redis.call('HSET', queue, ARGV[2], ARGV[3])
  return 1
end
return 0
