-- Removes lines that are in their file now.
-- ARGV: run id, output, bytes that were written before, the parts that they are in, entries of the list
--       that are in the last part now, their bytes
-- Gives 1, or 0 when another writer wrote meanwhile, or when these lines are not what is there: Redis
-- came back without its last writes.
local queue, output, count, bytes = run_key(ARGV[1]), ARGV[2], ARGV[5], ARGV[6]
local is = redis.call('HMGET', queue, output .. '_written_bytes', output .. '_parts')
if (is[1] or '0') ~= ARGV[3] or (is[2] or '') ~= ARGV[4] then
  return 0
end
-- Lua's -0 is no number for Redis.
if bytes == '0' then
  return 1
end
local sum, lines = 0, redis.call('LRANGE', queue .. ':' .. output, 0, count - 1)
for _, line in ipairs(lines) do
  sum = sum + #line
end
if #lines ~= tonumber(count) or sum ~= tonumber(bytes) then
  return 0
end
redis.call('LTRIM', queue .. ':' .. output, count, -1)
redis.call('HINCRBY', queue, output .. '_written_bytes', bytes)
redis.call('HINCRBY', queue, output .. '_pending_bytes', -bytes)
forget_later(queue)
return 1
