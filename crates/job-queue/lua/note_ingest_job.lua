-- Keeps with a leased job what is under way for it in Salesforce, or forgets it.
-- KEYS: lease tokens, job metadata
-- ARGV: job id, lease token, the note ('' forgets it)
-- Gives 'recorded' or 'lease_lost'.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 'lease_lost'
end
-- First what frees memory, see settle.lua.
redis.call('HDEL', KEYS[2], 'ingest_job')
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[2], 'ingest_job', ARGV[3])
end
return 'recorded'
