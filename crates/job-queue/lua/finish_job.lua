-- Removes a leased job that has no outcome of its own to record.
-- KEYS: leases, lease tokens, deliveries, job data, depth, job metadata, run
-- ARGV: job id, lease token, '1': only when the run is paused
-- Gives 'recorded', 'lease_lost', or 'not_paused'.
local id = ARGV[1]
if redis.call('HGET', KEYS[2], id) ~= ARGV[2] then
  return 'lease_lost'
end
if ARGV[3] == '1' and redis.call('HEXISTS', KEYS[7], 'paused') == 0 then
  return 'not_paused'
end
redis.call('HDEL', KEYS[4], id)
redis.call('DEL', KEYS[6])
redis.call('ZREM', KEYS[1], id)
redis.call('HDEL', KEYS[2], id)
redis.call('HDEL', KEYS[3], id)
return 'recorded'
