-- A feeder that holds the lock takes a run up. A failed run starts again at its
-- first batch: what was queued of it may be gone, what was settled is skipped.
-- KEYS: run, feeder lock, unfinished runs
-- ARGV: run id, lock token
-- Gives the state the run is in now, or 'lock_lost', or 'unknown'.
if redis.call('GET', KEYS[2]) ~= ARGV[2] then
  return 'lock_lost'
end
redis.call('HDEL', KEYS[1], 'waits_for_room')
local state = redis.call('HGET', KEYS[1], 'state')
if not state then
  return 'unknown'
end
if state == 'failed' then
  for _, suffix in ipairs({'', ':codes', ':settled', ':rejects', ':series', ':events'}) do
    redis.call('PERSIST', KEYS[1] .. suffix)
  end
  redis.call('HSET', KEYS[1], 'state', 'feeding',
    'fed_sequence', 0, 'fed_record', 0, 'fed_line', 1, 'fed_byte', 0)
  redis.call('HDEL', KEYS[1], 'reason', 'file_replaced', 'finished_at_ms', 'fed_at_ms')
  redis.call('SADD', KEYS[3], ARGV[1])
  return 'feeding'
end
return state
