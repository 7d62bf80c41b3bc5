-- A run that waits for batches that are nowhere goes back to its first batch: whoever follows it
-- feeds it again, and what is settled is skipped. A cancelled run ends without them.
-- KEYS: run, settled batches, unfinished runs
-- ARGV: run id, how many are nowhere
-- Gives the state that the run is in now, or 'unknown'.
local run = redis.call('HMGET', KEYS[1], 'state', 'fed_sequence')
local state, fed = run[1] or 'unknown', tonumber(run[2] or '0')
if state ~= 'draining' and state ~= 'cancelling' then
  return state
end
local settled = settled_before(KEYS[2], fed)
local ends_as = state == 'draining' and 'completed' or 'cancelled'
-- The bits are the truth, should the count say otherwise.
local count = redis.call('BITCOUNT', KEYS[2])
if settled == fed or state == 'cancelling' and settled + ARGV[2] >= fed then
  redis.call('HSET', KEYS[1], 'batches_settled', count)
  end_run(KEYS[1], KEYS[3], ARGV[1], ends_as)
  return ends_as
end
if state == 'draining' and tonumber(ARGV[2]) > 0 then
  redis.call('HSET', KEYS[1], 'state', 'feeding', 'batches_settled', count,
    'fed_sequence', 0, 'fed_record', 0, 'fed_line', 1, 'fed_byte', 0)
  redis.call('HDEL', KEYS[1], 'fed_at_ms')
  return 'feeding'
end
return state
