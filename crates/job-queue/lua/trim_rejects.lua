-- Forgets rejected rows that stand in the rejects file now.
-- KEYS: run, rejects
-- ARGV: bytes that were in the file before, lines now in the file, their bytes
-- Gives 1, or 0 when somebody else wrote meanwhile.
if (redis.call('HGET', KEYS[1], 'rejects_written_bytes') or '0') ~= ARGV[1] then
  return 0
end
-- Lua's -0 is no number for Redis.
if ARGV[3] == '0' then
  return 1
end
redis.call('LTRIM', KEYS[2], ARGV[2], -1)
redis.call('HINCRBY', KEYS[1], 'rejects_written_bytes', ARGV[3])
redis.call('HINCRBY', KEYS[1], 'rejects_pending_bytes', -ARGV[3])
forget_later(KEYS[1])
return 1
