-- Removes rejected rows that are in the rejects file now.
-- ARGV: run id, bytes that were written before, the parts that they are in, lines now in the last
--       part, their bytes
-- Gives 1, or 0 when another writer wrote meanwhile, or when these lines are not what is there: Redis
-- came back without its last writes.
local queue, count, bytes = run_key(ARGV[1]), ARGV[4], ARGV[5]
local is = redis.call('HMGET', queue, 'rejects_written_bytes', 'rejects_parts')
if (is[1] or '0') ~= ARGV[2] or (is[2] or '') ~= ARGV[3] then
  return 0
end
-- Lua's -0 is no number for Redis.
if bytes == '0' then
  return 1
end
local sum, lines = 0, redis.call('LRANGE', queue .. ':rejects', 0, count - 1)
for _, line in ipairs(lines) do
  sum = sum + #line
end
if #lines ~= tonumber(count) or sum ~= tonumber(bytes) then
  return 0
end
redis.call('LTRIM', queue .. ':rejects', count, -1)
redis.call('HINCRBY', queue, 'rejects_written_bytes', bytes)
redis.call('HINCRBY', queue, 'rejects_pending_bytes', -bytes)
forget_later(queue)
return 1
