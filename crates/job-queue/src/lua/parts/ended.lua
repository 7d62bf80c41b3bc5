-- Placed before the scripts that may end a run: how a run ends, and when it is forgotten.

local function has_ended(state)
  return state == 'completed' or state == 'failed' or state == 'cancelled'
end

-- All that is kept of an ended run goes after a while, but not before its lines are in
-- their files. Some may come when it has ended: of what was being delivered then.
local function forget_later(queue)
  local about = redis.call('HMGET', queue, 'state', 'keep_ms')
  if not has_ended(about[1]) or not about[2] then
    return
  end
  local is_written = pending_bytes(queue) == 0
  for _, part in ipairs(RUN_PARTS) do
    if is_written then
      redis.call('PEXPIRE', queue .. part, about[2])
    else
      redis.call('PERSIST', queue .. part)
    end
  end
  -- Single batches are of interest only to those who watch the run.
  redis.call('PEXPIRE', queue .. ':events', math.min(about[2], 86400000))
end

-- The reverse, for a run that goes on.
local function keep(queue)
  for _, part in ipairs(RUN_PARTS) do
    redis.call('PERSIST', queue .. part)
  end
  redis.call('PERSIST', queue .. ':events')
end

-- How many batches before the checkpoint have their outcome.
local function settled_before(queue, fed)
  local bytes = math.floor(fed / 8)
  local count = bytes > 0 and redis.call('BITCOUNT', queue .. ':settled', 0, bytes - 1) or 0
  for sequence = bytes * 8, fed - 1 do
    count = count + redis.call('GETBIT', queue .. ':settled', sequence)
  end
  return count
end

-- Each end is counted here, whichever program brings it about; that of a failed run which goes on and
-- ends again is another one.
local function end_run(id, state)
  local time, queue = redis.call('TIME'), run_key(id)
  redis.call('HDEL', queue, 'paused', 'held', 'held_until', 'waits_for_room')
  redis.call('SREM', P .. ':runs:unfinished', id)
  redis.call('HINCRBY', P .. ':runs:ended', state, 1)
  redis.call('HSET', queue, 'state', state, 'finished_at_ms', time[1] * 1000 + math.floor(time[2] / 1000))
  update_round(queue, 0, 0)
  forget_later(queue)
end

-- The bits of settled batches are the truth, should the count say otherwise.
local function end_when_all_settled(id, fed)
  local queue = run_key(id)
  if settled_before(queue, fed) ~= fed then
    return false
  end
  redis.call('HSET', queue, 'batches_settled', redis.call('BITCOUNT', queue .. ':settled'))
  end_run(id, 'completed')
  return true
end

