-- Changes how a run is read, in the producer's own words; a run that is forgotten stays so.
-- KEYS: run
-- ARGV: settings
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'settings', ARGV[1])
end
return redis.call('EXISTS', KEYS[1])
