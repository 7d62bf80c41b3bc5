-- ARGV: run id, lock token, ms (0 gives the lock back)
local lock = run_key(ARGV[1]) .. ':feeder'
if redis.call('GET', lock) ~= ARGV[2] then
  return 0
end
if ARGV[3] == '0' then
  return redis.call('DEL', lock)
end
return redis.call('PEXPIRE', lock, ARGV[3])
