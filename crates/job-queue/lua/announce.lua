-- First step of a push: says that these batches are coming. The rows count as
-- read from here on, so a row is never delivered before it was read.
-- KEYS: run, feeder lock, settled batches, series
-- ARGV: lock token, first sequence, number of batches, records read after them
-- Gives 'ok' and the sequences that are settled already; or 'lock_lost'; or 'paused'; or
-- 'ended', state, reason; or 'rewound' when the ledger is not where the feeder
-- thinks it is (Redis came back without its last writes).
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return {'lock_lost'}
end
local run = redis.call('HMGET', KEYS[1], 'state', 'reason', 'fed_sequence', 'read', 'paused',
  'started_at_ms')
if run[1] ~= 'feeding' then
  return {'ended', run[1] or 'unknown', run[2] or ''}
end
if run[5] then
  return {'paused'}
end
local first = tonumber(ARGV[2])
if tonumber(run[3]) ~= first then
  return {'rewound'}
end
if tonumber(ARGV[4]) > tonumber(run[4]) then
  add_to_series(KEYS[4], run[6], 'r', ARGV[4] - run[4])
  redis.call('HSET', KEYS[1], 'read', ARGV[4])
end
local answer = {'ok'}
for sequence = first, first + tonumber(ARGV[3]) - 1 do
  if redis.call('GETBIT', KEYS[3], sequence) == 1 then
    answer[#answer + 1] = sequence
  end
end
return answer
