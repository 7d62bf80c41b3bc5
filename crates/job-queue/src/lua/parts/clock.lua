-- Placed before the scripts that deal with leases and delays: milliseconds on a clock that stands
-- still while Redis did, or was away, and that never runs back, whatever its host's clock does.
-- Each worker reads it every quarter of its lease; if no worker did for half of one, none could, and
-- the gap does not count as time. Leases may differ: the shortest lease of those who read the clock
-- counts, for a gap would end that one first, until its readers have been gone for that long.

-- The clock's state: when it was read last, by the host's clock; how much of that does not count; the
-- longest gap that counts; and how long no worker with so short a lease has read it.
local function read_clock(own_gap_max)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local clock = redis.call('HMGET', P .. ':clock', 'seen', 'lost', 'gap_max', 'unheard')
  if not clock[1] then
    return {working = now, now = now, lost = 0, gap_max = own_gap_max, unheard = 0, is_new = true}
  end
  local seen, lost = tonumber(clock[1]), tonumber(clock[2])
  local gap_max, unheard = tonumber(clock[3]), tonumber(clock[4])
  local is_gone = unheard >= 2 * gap_max
  local is_shortest = own_gap_max and (own_gap_max <= gap_max or is_gone)
  gap_max = is_shortest and own_gap_max or gap_max
  local gap = now - seen
  if gap < 0 or gap > gap_max then
    lost = lost + gap
  end
  return {working = now - lost, now = now, lost = lost, gap_max = gap_max,
    unheard = is_shortest and 0 or unheard + math.max(0, math.min(gap, gap_max)),
    is_new = gap < 0 or gap > math.min(50, gap_max / 4) or (is_shortest and unheard > gap_max / 4)}
end

-- Only reads the clock: a caller without leases does not come often enough to tell a gap.
local function about_now()
  return read_clock().working
end

-- Gives, beside it, the time by the host's clock.
local function working_time(gap_max)
  local clock = read_clock(gap_max)
  -- Often enough to tell a gap, and seldom enough for thousands of claims a second.
  if clock.is_new then
    -- The first write of a script must take no memory, see settle.lua.
    redis.call('HDEL', P .. ':clock', '')
    redis.call('HSET', P .. ':clock', 'seen', clock.now, 'lost', clock.lost, 'gap_max', clock.gap_max,
      'unheard', clock.unheard)
  end
  return clock.working, clock.now
end

