-- The workers that have sent a heartbeat within their lease, and their default loads. By wall-clock time: a
-- worker that is dead expires, though the clock of leases stands still when no worker is live.
-- ARGV: registry
-- Gives name, load, name, load, …
local time, registry, answer = redis.call('TIME'), P .. ':' .. ARGV[1], {}
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, name in ipairs(redis.call('ZRANGEBYSCORE', registry, '(' .. now, '+inf')) do
  answer[#answer + 1] = name
  answer[#answer + 1] = redis.call('HGET', registry .. ':loads', name) or ''
end
return answer
