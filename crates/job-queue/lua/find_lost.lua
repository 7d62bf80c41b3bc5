-- Which of these batches of a run have no outcome and are nowhere on the queue. Redis that
-- executes half of a transaction (after a power cut, see GUARANTEES.md) leaves such. What is left
-- of them goes too, for a payload without a place keeps the batch from being pushed again.
-- KEYS: scheduled, delayed, leases, run's parked jobs, settled batches, lease tokens, deliveries,
--       job data, depth
-- ARGV: prefix of the jobs' metadata keys, job id, sequence, job id, sequence, …
-- Gives how many there are.
local lost = 0
for i = 2, #ARGV, 2 do
  local id = ARGV[i]
  local has_place = redis.call('GETBIT', KEYS[5], ARGV[i + 1]) == 1
  for set = 1, 4 do
    has_place = has_place or redis.call('ZSCORE', KEYS[set], id)
  end
  if not has_place then
    lost = lost + 1
    local meta = ARGV[1] .. id
    local bytes = redis.call('HGET', meta, 'bytes')
    redis.call('HDEL', KEYS[8], id)
    redis.call('DEL', meta)
    redis.call('HDEL', KEYS[6], id)
    redis.call('HDEL', KEYS[7], id)
    count_off(KEYS[8], KEYS[9], bytes)
  end
end
return lost
