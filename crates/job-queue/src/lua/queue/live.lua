-- Who has shown itself within its lease, and what it delivers. By the clock on the wall: a name that
-- nobody renews goes, though the clock of leases stands still when nobody is there.
-- ARGV: names of the living
-- Gives name, target, name, target, …
local time, living, answer = redis.call('TIME'), P .. ':' .. ARGV[1], {}
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, name in ipairs(redis.call('ZRANGEBYSCORE', living, '(' .. now, '+inf')) do
  answer[#answer + 1] = name
  answer[#answer + 1] = redis.call('HGET', living .. ':targets', name) or ''
end
return answer
