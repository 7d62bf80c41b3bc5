-- Takes a leased run off the queue of imports.
-- ARGV: run id, lease token, '1': only when the run is paused
-- Gives 'recorded', 'lease_lost', or 'not_paused'.
if not holds(IMPORTS, ARGV[1], ARGV[2]) then
  return 'lease_lost'
end
if ARGV[3] == '1' and redis.call('HEXISTS', run_key(ARGV[1]), 'paused') == 0 then
  return 'not_paused'
end
remove_job(IMPORTS, ARGV[1])
return 'recorded'
