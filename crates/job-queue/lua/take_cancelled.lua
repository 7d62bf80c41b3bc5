-- Takes jobs of a cancelled run off the queue, under a lease, to have them settled.
-- KEYS: the set to look through (parked, scheduled, delayed or leases), leases, lease tokens,
--       job data, depth
-- ARGV: run id, lease ms, lease token, prefix of the jobs' metadata keys, cursor, bytes at most,
--       '1' when the set is the run's parked jobs
-- Gives the next cursor, whether all was seen, and id, payload, id, payload, …
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local scan = redis.call('ZSCAN', KEYS[1], ARGV[5], 'COUNT', 100)
local taken, bytes = {}, 0
for i = 1, #scan[2], 2 do
  local id, score = scan[2][i], tonumber(scan[2][i + 1])
  local is_held = KEYS[1] == KEYS[2] and score > now
  -- What is under way in Salesforce is left to a consumer, which sees it through.
  local about = redis.call('HMGET', ARGV[4] .. id, 'run', 'ingest_job')
  if not is_held and about[1] == ARGV[1] and not about[2] then
    local payload = redis.call('HGET', KEYS[4], id)
    if bytes > 0 and bytes + #(payload or '') > tonumber(ARGV[6]) then
      -- What was taken is gone from the set, so the same cursor goes on with the rest.
      return {ARGV[5], 0, taken}
    end
    redis.call('ZREM', KEYS[1], id)
    if ARGV[7] == '1' then
      redis.call('HINCRBY', KEYS[5], 'parked', -1)
    end
    if payload then
      bytes = bytes + #payload
      redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), id)
      redis.call('HSET', KEYS[3], id, ARGV[3])
      taken[#taken + 1] = id
      taken[#taken + 1] = payload
    end
  end
end
return {scan[1], scan[1] == '0' and 1 or 0, taken}
