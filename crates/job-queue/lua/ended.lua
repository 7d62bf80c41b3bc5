-- Placed before the scripts that may end a run: how a run ends, and when it is forgotten.

-- All that is kept of an ended run goes after a while, but not before its rejected rows are in
-- their file.
local function forget_later(run)
  local about = redis.call('HMGET', run, 'state', 'keep_ms', 'rejects_pending_bytes')
  local has_ended = about[1] == 'completed' or about[1] == 'failed' or about[1] == 'cancelled'
  if not has_ended or not about[2] or tonumber(about[3] or '0') > 0 then
    return
  end
  for _, key in ipairs({run, run .. ':codes', run .. ':settled', run .. ':rejects', run .. ':series'}) do
    redis.call('PEXPIRE', key, about[2])
  end
  -- Only those who watch the run want to know of single batches.
  redis.call('PEXPIRE', run .. ':events', math.min(about[2], 86400000))
end

local function end_run(run, unfinished_runs, id, state)
  local time = redis.call('TIME')
  redis.call('HDEL', run, 'paused', 'waits_for_room')
  redis.call('SREM', unfinished_runs, id)
  redis.call('HSET', run, 'state', state,
    'finished_at_ms', time[1] * 1000 + math.floor(time[2] / 1000))
  forget_later(run)
end

