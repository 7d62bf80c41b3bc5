-- Sets which files (parts) the rejected rows of a run are in.
-- ARGV: run id, bytes that were written before, the parts so far, the parts from now on
-- Gives 1, or 0 when another writer wrote meanwhile, or changed them.
-- Begins with what frees memory, see settle.lua.
local queue = run_key(ARGV[1])
redis.call('HDEL', queue, '')
local is = redis.call('HMGET', queue, 'rejects_written_bytes', 'rejects_parts', 'state')
if (is[1] or '0') ~= ARGV[2] or (is[2] or '') ~= ARGV[3] or not is[3] then
  return 0
end
redis.call('HSET', queue, 'rejects_parts', ARGV[4])
return 1
