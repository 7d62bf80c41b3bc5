-- Sets which files (parts) the lines of a run are in.
-- ARGV: run id, output, bytes that were written before, the parts so far, the parts from now on
-- Gives 1, or 0 when another writer wrote meanwhile, or changed them.
-- Begins with what frees memory, see settle.lua.
local queue, output = run_key(ARGV[1]), ARGV[2]
redis.call('HDEL', queue, '')
local is = redis.call('HMGET', queue, output .. '_written_bytes', output .. '_parts', 'state')
if (is[1] or '0') ~= ARGV[3] or (is[2] or '') ~= ARGV[4] or not is[3] then
  return 0
end
redis.call('HSET', queue, output .. '_parts', ARGV[5])
return 1
