-- Stores a note with a leased job, or deletes it.
-- ARGV: queue, job id, lease token, which note ('external_job': the Salesforce job that loads it;
--       'waits': it is not being sent now; 'records': which records its rows are about), its value (''
--       deletes it)
-- Gives 'recorded' or 'lease_lost'.
if not holds(ARGV[1], ARGV[2], ARGV[3]) then
  return 'lease_lost'
end
local notes, field = ARGV[1] .. ':notes', ARGV[2] .. ':' .. ARGV[4]
-- Ids of records may be as large as the batch: they weigh as much. (All other notes are short.)
local more = #ARGV[5] - redis.call('HSTRLEN', notes, field)
-- First what frees memory, see settle.lua.
redis.call('HDEL', notes, field)
if ARGV[5] ~= '' then
  redis.call('HSET', notes, field, ARGV[5])
end
if ARGV[4] == 'records' then
  redis.call('ZINCRBY', P .. ':weights', more, ARGV[1])
end
return 'recorded'
