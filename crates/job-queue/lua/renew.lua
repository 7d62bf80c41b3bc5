-- Makes leases last longer, and says which are lost.
-- KEYS: leases, lease tokens, names of the living
-- ARGV: lease ms, worker's name, id, token, id, token, …
-- Gives the tokens whose lease somebody else holds, or nobody.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Also the first write, for it takes no memory (see settle.lua).
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[1]), ARGV[2])
local lost = {}
for i = 3, #ARGV, 2 do
  if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[i + 1] then
    redis.call('ZADD', KEYS[1], 'XX', now + tonumber(ARGV[1]), ARGV[i])
  else
    lost[#lost + 1] = ARGV[i + 1]
  end
end
return lost
