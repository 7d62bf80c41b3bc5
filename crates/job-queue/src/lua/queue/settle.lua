-- Records what became of a batch and removes its payload, in one step and once.
-- ARGV: run id, sequence, lease token, records, delivered, rejected, most codes of a run, number of
--       counters, number of codes, counter, count, counter, count, …, code, count, 1 if it is counted
--       beyond the most, …, reject line, reject line, … (as many as are rejected), ids, ids, … (whole
--       lines for the ids file; none, when the run has no such file)
-- Gives 'recorded', 'already_settled' or 'lease_lost'; that, too, when the run is forgotten. Or
-- 'others', a space and the codes that find no room among those of the run: then nothing was done.
-- Codes are never taken off a run, so those find none later either.
--
-- A full Redis refuses scripts whose first write may take memory: this one begins with what frees it.
local queue, sequence = run_key(ARGV[1]), ARGV[2]
local run = redis.call('HMGET', queue, 'state', 'paused', 'held', 'fed_sequence', 'started_at_ms', 'holds')
local is_leased = holds(queue, sequence, ARGV[3])
local is_settled = run[1] and redis.call('GETBIT', queue .. ':settled', sequence) == 1
if not is_leased or not run[1] or is_settled then
  if is_leased then
    count_one_less(queue, remove_job(queue, sequence), is_open(run))
  end
  return is_settled and 'already_settled' or 'lease_lost'
end
local delivered, rejected = tonumber(ARGV[5]), tonumber(ARGV[6])
local codes_max, codes = tonumber(ARGV[7]), tonumber(ARGV[9])
local first_code = 10 + 2 * ARGV[8]
local lines = first_code + 3 * codes
local known = codes > 0 and redis.call('HLEN', queue .. ':codes') or 0
if known + codes > codes_max then
  local others = {'others'}
  for i = first_code, lines - 1, 3 do
    if ARGV[i + 2] ~= '1' and redis.call('HEXISTS', queue .. ':codes', ARGV[i]) == 0 then
      known = known + 1
      if known > codes_max then
        table.insert(others, ARGV[i])
      end
    end
  end
  if #others > 1 then
    return table.concat(others, ' ')
  end
end
count_one_less(queue, remove_job(queue, sequence), is_open(run))
redis.call('SETBIT', queue .. ':settled', sequence, 1)

for i = first_code, lines - 1, 3 do
  redis.call('HINCRBY', queue .. ':codes', ARGV[i], ARGV[i + 1])
end
local function add(field, count)
  if tonumber(count) > 0 then
    redis.call('HINCRBY', queue, field, count)
  end
end
-- Lines wait for their file.
local function keep_lines(output, first, last)
  local bytes = 0
  for i = first, last do
    redis.call('RPUSH', queue .. ':' .. output, ARGV[i])
    bytes = bytes + #ARGV[i]
  end
  add(output .. '_pending_bytes', bytes)
end
keep_lines('rejects', lines, lines + rejected - 1)
keep_lines('ids', lines + rejected, #ARGV)
for i = 10, first_code - 1, 2 do
  add(ARGV[i], ARGV[i + 1])
end
add('rejected', rejected)
if run[6] and not run[3] and delivered > 0 then
  redis.call('HDEL', queue, 'holds')
end
local settled = redis.call('HINCRBY', queue, 'batches_settled', 1)
redis.call('XADD', queue .. ':events', 'MAXLEN', '~', 1000, '*', 'ordinal', settled, 'sequence', sequence,
  'records', ARGV[4], 'delivered', delivered, 'rejected', rejected)
local now = wall_clock()
add_to_series(queue .. ':series', run[5], 'd', delivered, now)
add_to_series(queue .. ':series', run[5], 'x', rejected, now)
redis.call('SET', P .. ':last-settled', string.format('%d', now))

local fed = tonumber(run[4])
if run[1] == 'draining' and settled >= fed then
  end_when_all_settled(ARGV[1], fed)
elseif run[1] == 'cancelling' and redis.call('EXISTS', queue .. ':data') == 0 then
  end_run(ARGV[1], 'cancelled')
elseif has_ended(run[1]) then
  forget_later(queue)
end
return 'recorded'
