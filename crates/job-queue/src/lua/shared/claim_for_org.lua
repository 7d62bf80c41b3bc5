-- Gives the queue to an org, unless it belongs to another one.
-- ARGV: id of the org, '1': also when it does, if no consumer of that one is live
-- Gives the id of the other org that it belongs to, or '', and how many consumers kept it from being
-- taken over.
-- First what frees memory, see settle.lua.
redis.call('HDEL', P .. ':clock', '')
local known = redis.call('GET', P .. ':org')
if known and known ~= ARGV[1] then
  if ARGV[2] ~= '1' then
    return {known, 0}
  end
  -- They are signed in to the other org, and would go on sending rows there. By wall-clock time, see
  -- live.lua.
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local live = redis.call('ZCOUNT', P .. ':consumers', '(' .. now, '+inf')
  if live > 0 then
    return {known, live}
  end
end
if known ~= ARGV[1] then
  redis.call('SET', P .. ':org', ARGV[1])
end
return {'', 0}
