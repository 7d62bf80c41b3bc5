-- Placed before the scripts that deal with leases and delays: milliseconds on a clock that stands
-- still while Redis did, or was away, and that never runs back, whatever its host's clock does.
-- Somebody who holds a lease reads it every quarter of that; if nobody did for half of one, nobody
-- could, and the gap is no time.

-- The clock, and what it has to remember: when it was read, by the host's clock, and what is no time.
local function read_clock(gap_max)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local clock = redis.call('HMGET', P .. ':clock', 'seen', 'lost', 'gap_max')
  local seen, lost = tonumber(clock[1] or 0), tonumber(clock[2] or 0)
  local gap = now - seen
  if clock[1] and (gap < 0 or gap > (gap_max or tonumber(clock[3]))) then
    lost = lost + gap
  end
  return now - lost, now, lost, gap
end

-- Only read: who holds no lease does not come often enough to tell a gap.
local function about_now()
  return (read_clock())
end

local function working_time(gap_max)
  local working, now, lost, gap = read_clock(gap_max)
  -- Often enough, and seldom enough for who claims thousands of batches a second.
  if gap < 0 or gap > math.min(50, gap_max / 2) then
    -- The first write of a script must take no memory, see settle.lua.
    redis.call('HDEL', P .. ':clock', '')
    redis.call('HSET', P .. ':clock', 'seen', now, 'lost', lost, 'gap_max', gap_max)
  end
  return working
end

