-- A feeder that holds the lock takes a run up. A failed run starts again at its
-- first batch: what was queued of it may be gone, what was settled is skipped.
-- KEYS: run, feeder lock, unfinished runs
-- ARGV: run id, lock token, prefix of run keys
-- Gives the state the run is in now, or 'lock_lost', or 'unknown'; or 'under_way' and the id of
-- another run that reads the file of a failed one meanwhile.
if redis.call('GET', KEYS[2]) ~= ARGV[2] then
  return {'lock_lost'}
end
redis.call('HDEL', KEYS[1], 'waits_for_room')
local state = redis.call('HGET', KEYS[1], 'state')
if not state then
  return {'unknown'}
end
if state == 'failed' then
  local of = redis.call('HMGET', KEYS[1], 'container', 'file', 'etag')
  local other = run_of_same_file(KEYS[3], ARGV[3], of[1], of[2], of[3])
  if other then
    redis.call('DEL', KEYS[2])
    return {'under_way', other}
  end
  for _, suffix in ipairs({'', ':codes', ':settled', ':rejects', ':series', ':events'}) do
    redis.call('PERSIST', KEYS[1] .. suffix)
  end
  redis.call('HSET', KEYS[1], 'state', 'feeding',
    'fed_sequence', 0, 'fed_record', 0, 'fed_line', 1, 'fed_byte', 0)
  redis.call('HDEL', KEYS[1], 'reason', 'file_replaced', 'finished_at_ms', 'fed_at_ms')
  redis.call('SADD', KEYS[3], ARGV[1])
  return {'feeding'}
end
return {state}
