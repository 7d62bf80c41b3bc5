-- Acks a leased import: removes it from its queue, unless it was pushed again meanwhile.
-- ARGV: run id, lease token, '1': only when the run is paused
-- Gives 'recorded', 'lease_lost', or 'not_paused'.
if not holds(IMPORTS, ARGV[1], ARGV[2]) then
  return 'lease_lost'
end
if ARGV[3] == '1' and redis.call('HEXISTS', run_key(ARGV[1]), 'paused') == 0 then
  return 'not_paused'
end
local notes = IMPORTS .. ':notes'
if redis.call('HDEL', notes, ARGV[1] .. ':again') == 1 then
  redis.call('ZREM', IMPORTS .. ':leases', ARGV[1])
  forget_notes(IMPORTS, ARGV[1])
  redis.call('ZADD', IMPORTS .. ':queued', about_now(), ARGV[1])
  update_round(IMPORTS, 0, about_now())
else
  remove_job(IMPORTS, ARGV[1])
end
return 'recorded'
