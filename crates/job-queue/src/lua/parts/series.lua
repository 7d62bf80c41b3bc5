-- Shared by scripts that count: the time by the host's clock, in milliseconds.
local function wall_clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Adds `count` rows, or milliseconds, to what happened in a run over time.
-- The series is a hash of counts by time since the run's start; each field is a bucket's number and
-- what was counted. When a run outlives its buckets they become twice as wide: the hash never has
-- more than 96 times 4 fields and one, and stays one compact entry.
local function add_to_series(series, started_at_ms, what, count, now)
  if count <= 0 then
    return
  end
  local buckets_max = 96
  local age = math.max(0, now - started_at_ms)
  redis.call('HSETNX', series, 'width_ms', 250)
  local width = tonumber(redis.call('HGET', series, 'width_ms'))
  if age >= width * buckets_max then
    local factor = 2
    while age >= width * factor * buckets_max do
      factor = factor * 2
    end
    local fields, sums = redis.call('HGETALL', series), {}
    for i = 1, #fields, 2 do
      local bucket, counted = string.match(fields[i], '^(%d+)(%a)$')
      if bucket then
        local field = string.format('%d%s', math.floor(bucket / factor), counted)
        sums[field] = (sums[field] or 0) + fields[i + 1]
      end
    end
    width = width * factor
    redis.call('DEL', series)
    redis.call('HSET', series, 'width_ms', string.format('%d', width))
    for field, sum in pairs(sums) do
      redis.call('HSET', series, field, string.format('%d', sum))
    end
  end
  local field = string.format('%d%s', math.floor(age / width), what)
  redis.call('HINCRBY', series, field, count)
end

