-- ARGV: run id, or nothing for that of all runs
-- Gives as depth_of; of all runs, what is to do, and all bytes.
if ARGV[1] then
  return depth_of(run_key(ARGV[1]))
end
local all = all_bytes()
return {redis.call('LLEN', P .. ':to-do'), all, all}
