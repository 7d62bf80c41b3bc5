-- Writes a new run into the ledger, once; one run of a version of a file at a time.
-- KEYS: run, runs, unfinished runs, start key
-- ARGV: run id, prefix of run keys, how long the start key is kept (seconds, 0: there is
--       none), container, file, version, field, value, field, value, …
-- Gives 'new'; or 'exists' when there is a run of that id; or 'repeated' or 'under_way' and
-- the id of the run that the same start key began, or that reads the same file.
if ARGV[3] ~= '0' then
  local before = redis.call('GET', KEYS[4])
  if before then
    return {'repeated', before}
  end
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  return {'exists'}
end
local other = run_of_same_file(KEYS[3], ARGV[2], ARGV[4], ARGV[5], ARGV[6])
if other then
  return {'under_way', other}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'state', 'feeding', 'started_at_ms', now,
  'fed_sequence', 0, 'fed_record', 0, 'fed_line', 1, 'fed_byte', 0, 'read', 0, 'batches_settled', 0,
  'container', ARGV[4], 'file', ARGV[5], 'etag', ARGV[6])
for i = 7, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('ZADD', KEYS[2], now, ARGV[1])
-- The list forgets, oldest first, the runs that are forgotten.
for _, oldest in ipairs(redis.call('ZRANGE', KEYS[2], 0, 9)) do
  if redis.call('EXISTS', ARGV[2] .. oldest) == 0 then
    redis.call('ZREM', KEYS[2], oldest)
  end
end
redis.call('SADD', KEYS[3], ARGV[1])
if ARGV[3] ~= '0' then
  redis.call('SET', KEYS[4], ARGV[1], 'EX', ARGV[3])
end
return {'new'}
