-- Hands out one job under a lease: of the queue whose turn it is.
-- ARGV: whose round (id of a target, or 'full-import'), lease ms, lease token (who takes it, '/', and
--       what tells its leases apart); to empty the queue of one run that is cancelled, its id
-- Gives how many runs wait for a target; and, when there is a job: its queue, id, payload, how often
-- it was delivered in vain, what to do ('deliver' or 'cancel'), what is under way for it in Salesforce
-- (''), and the token of its lease: that which it had, when its holder gets it back.
local round, token, only = round_of(ARGV[1]), ARGV[3], ARGV[4]
local now = working_time(ARGV[2] / 2)

for _, queue in ipairs(redis.call('ZRANGEBYSCORE', P .. ':wake', '-inf', now, 'LIMIT', 0, 20)) do
  -- First what frees memory, see settle.lua.
  redis.call('ZREM', P .. ':wake', queue)
  update_round(queue, 0, now)
end

-- A lease that ran out stays until somebody takes the job: until then its holder may have it back.
-- What is under way in Salesforce for a cancelled run is for a consumer, which sees it through.
local function next_of(queue)
  for _, set in ipairs({':leases', ':delayed', ':queued'}) do
    local most = set == ':queued' and '+inf' or now
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', queue .. set, '-inf', most, 'LIMIT', 0, only and 100 or 1)) do
      if not only or redis.call('HEXISTS', queue .. ':notes', id .. ':job') == 0 then
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
    -- Pushed again after a crash, though it was settled before; or torn, see recovery.rs.
    if not payload or queue ~= IMPORTS and redis.call('GETBIT', queue .. ':settled', id) == 1 then
      local bytes = remove_job(queue, id)
      if queue ~= IMPORTS then
        count(queue, -bytes, true)
      end
    else
      local notes = queue .. ':notes'
      local note = redis.call('HMGET', notes, id, id .. ':vain', id .. ':waits', id .. ':job')
      local before, vain, under_way = note[1] or '', math.max(0, tonumber(note[2] or 0)), note[4] or ''
      -- Our own batch goes on as it was. Another's holder went silent in the middle of sending it,
      -- unless it was waiting.
      local is_ours = set == ':leases' and string.match(before, '^[^/]+') == string.match(token, '^[^/]+')
      if is_ours then
        token = before
      else
        if set == ':leases' and not note[3] then
          vain = redis.call('HINCRBY', notes, id .. ':vain', 1)
          redis.call('HSET', notes, id .. ':blamed', before)
        end
        if note[3] then
          redis.call('HDEL', notes, id .. ':waits')
        end
        redis.call('HSET', notes, id, token)
      end
      redis.call('ZADD', queue .. ':leases', now + ARGV[2], id)
      local is_cancelled = state == 'cancelling' and under_way == ''
      return {queue, id, payload, vain, is_cancelled and 'cancel' or 'deliver', under_way, token}, set
    end
  end
end

local waiting = redis.call('ZCARD', round_of(''))
for _ = 1, 20 do
  local queue = only and run_key(only) or redis.call('ZPOPMIN', round)[1]
  if not queue then
    break
  end
  local about = redis.call('HMGET', queue, 'state', 'paused', 'held')
  if queue == IMPORTS or is_open(about) then
    local job, set = take(queue, about[1])
    if only then
      update_round(queue, 0, now)
    elseif set == ':queued' then
      -- Nothing else of it was due, and no lease of it can be known to end later.
      if redis.call('EXISTS', queue .. ':queued') == 1 then
        enter(round, queue)
      end
      redis.call('ZADD', P .. ':wake', 'LT', now + ARGV[2], queue)
    else
      place(round, queue, now)
    end
    if job or only then
      return {waiting, unpack(job or {})}
    end
  end
end
return {waiting}
