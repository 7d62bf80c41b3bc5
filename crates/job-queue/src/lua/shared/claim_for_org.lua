-- Gives the queue to an org, unless it belongs to another one.
-- ARGV: id of the org, '1': also when it does
-- Gives the id of the other org that it belongs to, or ''.
-- First what frees memory, see settle.lua.
redis.call('HDEL', P .. ':clock', '')
local known = redis.call('GET', P .. ':org')
if known and known ~= ARGV[1] and ARGV[2] ~= '1' then
  return known
end
if known ~= ARGV[1] then
  redis.call('SET', P .. ':org', ARGV[1])
end
return ''
