-- All of the blob is on the queue; the run ends when the last batch is settled.
-- ARGV: run id, lock token, batches, records, skipped lines
-- Gives as announce.lua.
local queue = run_key(ARGV[1])
local run = redis.call('HMGET', queue, 'state', 'reason', 'fed_sequence')
local refused = refusal(queue, ARGV[2], run)
if refused and refused[1] == 'ended' and (run[1] == 'draining' or run[1] == 'completed') then
  return {'ok'}
end
if refused then
  return refused
end
if run[3] ~= ARGV[3] then
  return {'rewound'}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', queue, 'state', 'draining', 'fed_at_ms', now, 'read', ARGV[4], 'fed_skipped', ARGV[5])
end_when_all_settled(ARGV[1], tonumber(ARGV[3]))
return {'ok'}
