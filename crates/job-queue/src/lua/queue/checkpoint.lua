-- Last step of a push: from here on feeding resumes after these batches, and consumers may claim them,
-- in the order of the file. (apalis-redis has put them in a set scored by a producer's clock.)
-- ARGV: run id, lock token, first sequence, next sequence, record, line, byte, skipped lines, sequence of each job
-- Gives 'ok' and what depth.lua gives; or as announce.lua.
local queue = run_key(ARGV[1])
local run = redis.call('HMGET', queue, 'state', 'reason', 'fed_sequence')
local refused = refusal(queue, ARGV[2], run)
if refused then
  return refused
end
-- The same checkpoint again (its answer was lost) changes nothing.
if run[3] ~= ARGV[3] and run[3] ~= ARGV[4] then
  return {'rewound'}
end
-- A Redis that took over without the push has none of these jobs.
for i = 9, #ARGV do
  if redis.call('HEXISTS', queue .. ':data', ARGV[i]) == 0
    and redis.call('GETBIT', queue .. ':settled', ARGV[i]) == 0 then
    return {'rewound'}
  end
end
redis.call('HSET', queue, 'fed_sequence', ARGV[4], 'fed_record', ARGV[5],
  'fed_line', ARGV[6], 'fed_byte', ARGV[7], 'fed_skipped', ARGV[8])
local clock, bytes, queued = read_clock(), 0, {}
local at = string.format('%d', clock.now)
for i = 9, #ARGV do
  -- One that is not there was pushed before: it has its place, and is counted.
  if redis.call('ZREM', queue .. ':scheduled', ARGV[i]) == 1 then
    redis.call('DEL', queue .. ':meta:' .. ARGV[i])
    redis.call('ZADD', queue .. ':queued', ARGV[i], ARGV[i])
    bytes = bytes + redis.call('HSTRLEN', queue .. ':data', ARGV[i])
    queued[#queued + 1] = ARGV[i] .. ':queued'
    queued[#queued + 1] = at
  end
end
if #queued > 0 then
  redis.call('HSET', queue .. ':notes', unpack(queued))
end
update_round(queue, bytes, clock.working)
return {'ok', unpack(depth_of(queue))}
