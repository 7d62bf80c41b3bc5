-- First step of a push: announces its batches. Their rows count as read from here on, so that no row
-- is delivered before it was read.
-- ARGV: run id, lock token, first sequence, number of batches, records read after them
-- Gives 'ok' and the sequences that are settled already; or 'lock_lost'; or 'paused'; or
-- 'ended', state, reason; or 'rewound' when the ledger is not where the feeder
-- thinks it is (Redis came back without its last writes).
local queue, first = run_key(ARGV[1]), tonumber(ARGV[3])
local run = redis.call('HMGET', queue, 'state', 'reason', 'fed_sequence', 'read', 'paused', 'started_at_ms')
local refused = refusal(queue, ARGV[2], run)
if refused then
  return refused
end
if run[5] then
  return {'paused'}
end
if tonumber(run[3]) ~= first then
  return {'rewound'}
end
if tonumber(ARGV[5]) > tonumber(run[4]) then
  add_to_series(queue .. ':series', run[6], 'r', ARGV[5] - run[4], wall_clock())
  redis.call('HSET', queue, 'read', ARGV[5])
end
local answer = {'ok'}
for sequence = first, first + tonumber(ARGV[4]) - 1 do
  if redis.call('GETBIT', queue .. ':settled', sequence) == 1 then
    answer[#answer + 1] = sequence
  end
end
return answer
