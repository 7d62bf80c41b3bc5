-- Placed before the scripts of a feeder.

-- Why the feeder with this token may not go on; nothing when it may. `run` is its state and reason.
local function refusal(queue, token, run)
  if redis.call('GET', queue .. ':feeder') ~= token then
    return {'lock_lost'}
  end
  if run[1] ~= 'feeding' then
    return {'ended', run[1] or 'unknown', run[2] or ''}
  end
end

