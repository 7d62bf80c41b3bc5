-- Hands out one job under a lease: of the queue whose turn it is.
-- ARGV: the round ('deliveries', or 'full-import'), lease ms, lease token (the worker, '/', and a
--       number of the lease); to empty the queue of one cancelled run, its id (''); the org in which
--       the worker does the jobs ('')
-- Gives '', or the other org that the queue was given to meanwhile; how many runs wait for a load; and,
-- when there is a job: its queue, id, payload, failed deliveries, what to do ('deliver' or 'cancel'),
-- its external job (''), the token of its lease (the old one, when its holder gets it back), for how
-- long it was queued (ms; '' unless this is its first claim), 1 if another worker's lease on it had
-- expired, and the id of its run's load ('').
local round, token = round_of(ARGV[1]), ARGV[3]
local only = ARGV[4] ~= '' and ARGV[4] or nil
local org = redis.call('GET', P .. ':org')
if ARGV[5] ~= '' and org and org ~= ARGV[5] then
  return {org, 0}
end
local now, wall = working_time(ARGV[2] / 2)

for _, queue in ipairs(redis.call('ZRANGEBYSCORE', P .. ':wake', '-inf', now, 'LIMIT', 0, 20)) do
  -- First what frees memory, see settle.lua.
  redis.call('ZREM', P .. ':wake', queue)
  update_round(queue, 0, now)
end

-- An expired lease stays until another worker claims the job: until then its holder may get it back.
-- A batch of a cancelled run that has an external job goes to a consumer, which ends that job.
local function next_of(queue)
  for _, set in ipairs({':leases', ':delayed', ':queued'}) do
    local most = set == ':queued' and '+inf' or now
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', queue .. set, '-inf', most, 'LIMIT', 0, only and 100 or 1)) do
      if not only or redis.call('HEXISTS', queue .. ':notes', id .. ':external_job') == 0 then
        return id, set
      end
    end
  end
end

local function take(queue, state)
  for _ = 1, 100 do
    local id, set = next_of(queue)
    if not id then
      return nil
    end
    local payload = redis.call('HGET', queue .. ':data', id)
    redis.call('ZREM', queue .. set, id)
    -- Pushed again after a crash, though it was settled before; or without its payload, see recovery.rs.
    if not payload or queue ~= IMPORTS and redis.call('GETBIT', queue .. ':settled', id) == 1 then
      local bytes = remove_job(queue, id)
      if queue ~= IMPORTS then
        count(queue, -bytes, true)
      end
    else
      local notes = queue .. ':notes'
      local note = redis.call('HMGET', notes, id, id .. ':failed', id .. ':waits', id .. ':external_job',
        id .. ':queued')
      local before, failed, external_job = note[1] or '', math.max(0, tonumber(note[2] or 0)), note[4] or ''
      local queued, waited, was_taken_over = tonumber(note[5] or 0), '', 0
      -- Our own batch goes on as it was. Another worker's lease expired while it sent the batch, unless
      -- it was waiting: that delivery failed.
      local is_ours = set == ':leases' and string.match(before, '^[^/]+') == string.match(token, '^[^/]+')
      if is_ours then
        token = before
      else
        if set == ':leases' and not note[3] then
          failed = redis.call('HINCRBY', notes, id .. ':failed', 1)
          redis.call('HSET', notes, id .. ':blamed', before)
          was_taken_over = 1
        end
        if note[3] then
          redis.call('HDEL', notes, id .. ':waits')
        end
        if queued > 0 then
          waited = math.max(0, wall - queued)
          -- A negative time: it was claimed before.
          redis.call('HSET', notes, id, token, id .. ':queued', string.format('%d', -queued))
        else
          redis.call('HSET', notes, id, token)
        end
      end
      redis.call('ZADD', queue .. ':leases', now + ARGV[2], id)
      local is_cancelled = state == 'cancelling' and external_job == ''
      return {queue, id, payload, failed, is_cancelled and 'cancel' or 'deliver', external_job, token, waited,
        was_taken_over}, set
    end
  end
end

local waiting = redis.call('ZCARD', round_of(''))
for _ = 1, 20 do
  local queue = only and run_key(only) or redis.call('ZPOPMIN', round)[1]
  if not queue then
    break
  end
  local about = redis.call('HMGET', queue, 'state', 'paused', 'held', 'load_id')
  if queue == IMPORTS or is_open(about) then
    local job, set = take(queue, about[1])
    if only then
      update_round(queue, 0, now)
    elseif set == ':queued' then
      -- Nothing else of it was due, and no lease of it ends later than this one.
      if redis.call('EXISTS', queue .. ':queued') == 1 then
        enter(round, queue)
      end
      redis.call('ZADD', P .. ':wake', 'LT', now + ARGV[2], queue)
    else
      place(round, queue, now)
    end
    if job or only then
      if job then
        job[#job + 1] = about[4] or ''
      end
      return {'', waiting, unpack(job or {})}
    end
  end
end
return {'', waiting}
