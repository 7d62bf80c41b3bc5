-- Renews a feeder's lock on a run, or releases it.
-- ARGV: run id, lock token, ms (0 releases it)
local lock = run_key(ARGV[1]) .. ':feeder'
if redis.call('GET', lock) ~= ARGV[2] then
  return 0
end
if ARGV[3] == '0' then
  return redis.call('DEL', lock)
end
return redis.call('PEXPIRE', lock, ARGV[3])
