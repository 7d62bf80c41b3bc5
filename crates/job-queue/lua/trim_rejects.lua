-- Forgets rejected rows that stand in the rejects file now.
-- ARGV: run id, bytes that were in the file before, lines now in the file, their bytes
-- Gives 1, or 0 when somebody else wrote meanwhile, or when these lines are not what is there: Redis
-- came back without its last writes.
local queue = run_key(ARGV[1])
if (redis.call('HGET', queue, 'rejects_written_bytes') or '0') ~= ARGV[2] then
  return 0
end
-- Lua's -0 is no number for Redis.
if ARGV[4] == '0' then
  return 1
end
local bytes, lines = 0, redis.call('LRANGE', queue .. ':rejects', 0, ARGV[3] - 1)
for _, line in ipairs(lines) do
  bytes = bytes + #line
end
if #lines ~= tonumber(ARGV[3]) or bytes ~= tonumber(ARGV[4]) then
  return 0
end
redis.call('LTRIM', queue .. ':rejects', ARGV[3], -1)
redis.call('HINCRBY', queue, 'rejects_written_bytes', ARGV[4])
redis.call('HINCRBY', queue, 'rejects_pending_bytes', -ARGV[4])
forget_later(queue)
return 1
