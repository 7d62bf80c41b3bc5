-- Placed before the scripts that deal with leases and delays: milliseconds on a clock that stands
-- still while Redis did, or was away, and that never runs back, whatever its host's clock does.

-- The clock as it was read last, without noticing a gap: good enough to say when to look again.
local function about_now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000) - (redis.call('HGET', P .. ':clock', 'lost') or 0)
end

-- Somebody who holds a lease reads the clock every quarter of it. That nobody did for longer than
-- `gap_max`, half of one, means that nobody could.
local function working_time(gap_max)
  -- The first write of a script must take no memory, see settle.lua.
  redis.call('HDEL', P .. ':clock', '')
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local clock = redis.call('HMGET', P .. ':clock', 'seen', 'lost')
  local seen, lost = tonumber(clock[1] or now), tonumber(clock[2] or 0)
  local gap = now - seen
  if gap < 0 or gap > gap_max then
    lost = lost + gap
  end
  if gap ~= 0 or not clock[1] then
    redis.call('HSET', P .. ':clock', 'seen', now, 'lost', lost)
  end
  return now - lost
end

