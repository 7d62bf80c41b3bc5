-- Records what became of a batch and removes its payload, in one step and once.
-- KEYS: leases, lease tokens, deliveries, job data, depth, job metadata, run,
--       settled batches, reject codes, rejects, events, unfinished runs, series
-- ARGV: run id, sequence, job id, lease token, records, created, updated, deleted,
--       retried, api calls, number of codes, code, count, …, reject line, reject line, …
-- Gives 'recorded', 'already_settled' or 'lease_lost'; that, too, when the run is forgotten.
local id, sequence = ARGV[3], ARGV[2]
local holds_lease = redis.call('HGET', KEYS[2], id) == ARGV[4]

-- A full Redis refuses scripts whose first write may take memory: this one
-- begins with what frees it.
local function remove_job()
  local bytes = redis.call('HGET', KEYS[6], 'bytes')
  redis.call('HDEL', KEYS[4], id)
  redis.call('DEL', KEYS[6])
  redis.call('ZREM', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
  count_off(KEYS[4], KEYS[5], bytes)
end

local run = redis.call('HMGET', KEYS[7], 'state', 'fed_sequence', 'started_at_ms')
local is_forgotten = not run[1]
if is_forgotten or redis.call('GETBIT', KEYS[8], sequence) == 1 then
  if holds_lease then
    remove_job()
  end
  return is_forgotten and 'lease_lost' or 'already_settled'
end
if not holds_lease then
  return 'lease_lost'
end

remove_job()
redis.call('SETBIT', KEYS[8], sequence, 1)

local codes = tonumber(ARGV[11])
local rejected = 0
for i = 12, 11 + 2 * codes, 2 do
  redis.call('HINCRBY', KEYS[9], ARGV[i], ARGV[i + 1])
  rejected = rejected + tonumber(ARGV[i + 1])
end
local reject_bytes = 0
for i = 12 + 2 * codes, #ARGV do
  redis.call('RPUSH', KEYS[10], ARGV[i])
  reject_bytes = reject_bytes + #ARGV[i]
end
if reject_bytes > 0 then
  redis.call('HINCRBY', KEYS[7], 'rejects_pending_bytes', reject_bytes)
end

redis.call('HINCRBY', KEYS[7], 'created', ARGV[6])
redis.call('HINCRBY', KEYS[7], 'updated', ARGV[7])
redis.call('HINCRBY', KEYS[7], 'deleted', ARGV[8])
redis.call('HINCRBY', KEYS[7], 'rejected', rejected)
redis.call('HINCRBY', KEYS[7], 'retried', ARGV[9])
redis.call('HINCRBY', KEYS[7], 'api_calls', ARGV[10])
local delivered = ARGV[6] + ARGV[7] + ARGV[8]
local settled = redis.call('HINCRBY', KEYS[7], 'batches_settled', 1)
redis.call('XADD', KEYS[11], 'MAXLEN', '~', 1000, '*', 'ordinal', settled, 'sequence', sequence,
  'records', ARGV[5], 'delivered', delivered, 'rejected', rejected)

add_to_series(KEYS[13], run[3], 'd', delivered)
add_to_series(KEYS[13], run[3], 'x', rejected)
local ends_as = ({draining = 'completed', cancelling = 'cancelled'})[run[1]]
local fed = tonumber(run[2])
if ends_as and settled >= fed and settled_before(KEYS[8], fed) == fed then
  -- The bits are the truth, should the count say otherwise.
  redis.call('HSET', KEYS[7], 'batches_settled', redis.call('BITCOUNT', KEYS[8]))
  end_run(KEYS[7], KEYS[12], ARGV[1], ends_as)
elseif has_ended(run[1]) then
  forget_later(KEYS[7])
end
return 'recorded'
