-- The entries of runs, all as they are at one moment. A script, and no transaction: a full Redis takes
-- none, not even one that only reads.
-- ARGV: most codes of a run that are shown ('': all, and all fields), number of fields, field, …, run
--       id, …
-- Gives the time; and of each run its entry, its rejected rows by code, whether it has a feeder, whether a
-- server is to read it, and its batches.
local is_all, answer = ARGV[1] == '', {redis.call('TIME')}
local first = 3 + ARGV[2]
for i = first, #ARGV do
  local queue = run_key(ARGV[i])
  local codes = queue .. ':codes'
  answer[#answer + 1] = {
    is_all and redis.call('HGETALL', queue) or redis.call('HMGET', queue, unpack(ARGV, 3, first - 1)),
    is_all and redis.call('HGETALL', codes) or redis.call('HSCAN', codes, 0, 'COUNT', ARGV[1]),
    redis.call('EXISTS', queue .. ':feeder'), redis.call('HEXISTS', IMPORTS .. ':data', ARGV[i]),
    redis.call('HLEN', queue .. ':data')}
end
return answer
