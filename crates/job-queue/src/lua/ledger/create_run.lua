-- Writes a new run into the ledger, once; one run of a version of a file at a time.
-- ARGV: run id, start key ('': none), how long it is kept (seconds), container, file, version, field,
--       value, field, value, …
-- Gives 'new'; or 'exists' when there is a run of that id; or 'repeated' or 'under_way' and
-- the id of the run that the same start key began, or that reads the same file.
local id, queue, runs = ARGV[1], run_key(ARGV[1]), P .. ':runs'
local start_key = ARGV[2] ~= '' and P .. ':start:' .. ARGV[2]
local before = start_key and redis.call('GET', start_key)
if before then
  return {'repeated', before}
end
if redis.call('EXISTS', queue) == 1 then
  return {'exists'}
end
local other = run_of_same_file(ARGV[4], ARGV[5], ARGV[6])
if other then
  return {'under_way', other}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', queue, 'state', 'feeding', 'started_at_ms', now,
  'fed_sequence', 0, 'fed_record', 0, 'fed_line', 1, 'fed_byte', 0, 'fed_skipped', 0, 'read', 0, 'batches_settled', 0,
  'container', ARGV[4], 'file', ARGV[5], 'etag', ARGV[6], unpack(ARGV, 7))
redis.call('ZADD', runs, now, id)
-- The list forgets, oldest first, the runs that are forgotten.
for _, oldest in ipairs(redis.call('ZRANGE', runs, 0, 9)) do
  if redis.call('EXISTS', run_key(oldest)) == 0 then
    redis.call('ZREM', runs, oldest)
  end
end
redis.call('SADD', P .. ':runs:unfinished', id)
if start_key then
  redis.call('SET', start_key, id, 'EX', ARGV[3])
end
return {'new'}
