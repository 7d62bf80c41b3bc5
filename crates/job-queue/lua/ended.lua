-- Placed before the scripts that may end a run: how a run ends, and when it is forgotten.

local function has_ended(state)
  return state == 'completed' or state == 'failed' or state == 'cancelled'
end

-- All that is kept of an ended run goes after a while, but not before its rejected rows are in
-- their file. Some may come when it has ended: of what was being delivered then.
local function forget_later(run)
  local about = redis.call('HMGET', run, 'state', 'keep_ms', 'rejects_pending_bytes')
  if not has_ended(about[1]) or not about[2] then
    return
  end
  local is_written = tonumber(about[3] or '0') == 0
  for _, key in ipairs({run, run .. ':codes', run .. ':settled', run .. ':rejects', run .. ':series'}) do
    if is_written then
      redis.call('PEXPIRE', key, about[2])
    else
      redis.call('PERSIST', key)
    end
  end
  -- Only those who watch the run want to know of single batches.
  redis.call('PEXPIRE', run .. ':events', math.min(about[2], 86400000))
end

-- How many batches before the checkpoint have their outcome. Those behind it do not count: a
-- producer that died had pushed them, but what is fed does not reach so far.
local function settled_before(settled, fed)
  local bytes = math.floor(fed / 8)
  local count = bytes > 0 and redis.call('BITCOUNT', settled, 0, bytes - 1) or 0
  for sequence = bytes * 8, fed - 1 do
    count = count + redis.call('GETBIT', settled, sequence)
  end
  return count
end

local function end_run(run, unfinished_runs, id, state)
  local time = redis.call('TIME')
  redis.call('HDEL', run, 'paused', 'waits_for_room')
  redis.call('SREM', unfinished_runs, id)
  redis.call('HSET', run, 'state', state,
    'finished_at_ms', time[1] * 1000 + math.floor(time[2] / 1000))
  forget_later(run)
end

