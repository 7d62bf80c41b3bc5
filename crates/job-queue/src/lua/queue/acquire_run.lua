-- A feeder that holds the run's lock prepares to feed it. A failed run goes on where it was.
-- ARGV: run id, lock token
-- Gives the state the run is in now, or 'lock_lost', or 'unknown'; or 'under_way' and the id of
-- another run that reads the file of a failed one now.
local queue = run_key(ARGV[1])
if redis.call('GET', queue .. ':feeder') ~= ARGV[2] then
  return {'lock_lost'}
end
redis.call('HDEL', queue, 'waits_for_room')
local run = redis.call('HMGET', queue, 'state', 'container', 'file', 'etag', 'fed_at_ms')
local state = run[1]
if not state then
  return {'unknown'}
end
if state == 'failed' then
  local other = run_of_same_file(run[2], run[3], run[4])
  if other then
    redis.call('DEL', queue .. ':feeder')
    return {'under_way', other}
  end
  keep(queue)
  state = run[5] and 'draining' or 'feeding'
  redis.call('HSET', queue, 'state', state)
  redis.call('HDEL', queue, 'file_replaced', 'finished_at_ms', 'held', 'held_until')
  redis.call('SADD', P .. ':runs:unfinished', ARGV[1])
  if state == 'draining' then
    end_when_all_settled(ARGV[1], tonumber(redis.call('HGET', queue, 'fed_sequence')))
  end
end
if not has_ended(state) then
  redis.call('HDEL', queue, 'reason')
  drop_unkept(queue)
  update_round(queue, 0, about_now())
end
return {redis.call('HGET', queue, 'state')}
