-- Writes a new run into the ledger, once.
-- KEYS: run, runs, unfinished runs
-- ARGV: run id, field, value, field, value, …
-- Gives 1, or 0 when the run exists.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'state', 'feeding', 'started_at_ms', now,
  'fed_sequence', 0, 'fed_record', 0, 'fed_line', 1, 'fed_byte', 0, 'read', 0, 'batches_settled', 0)
for i = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('SADD', KEYS[3], ARGV[1])
return 1
