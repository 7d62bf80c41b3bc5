-- Placed before the scripts that change what may be claimed. Consumers take one batch from each run
-- that has work, in turn: a round is a sorted set of queues by their turn. The queue of imports has a
-- round of its own; runs without a load wait in one as well.

local function round_of(name)
  return P .. ':round:' .. name
end

local function round_of_run(load_id)
  return round_of(load_id and 'deliveries' or '')
end

local function enter(round, queue)
  local last = redis.call('ZREVRANGE', round, 0, 0, 'WITHSCORES')[2] or 0
  redis.call('ZADD', round, 'NX', last + 1, queue)
end

-- Puts a queue into its round when something of it is due; else it comes when the first delay or
-- lease ends.
local function place(round, queue, now)
  local due
  for _, part in ipairs({':delayed', ':leases'}) do
    local first = redis.call('ZRANGE', queue .. part, 0, 0, 'WITHSCORES')[2]
    if first then
      due = math.min(due or first, first)
    end
  end
  if redis.call('EXISTS', queue .. ':queued') == 1 or (due and due <= now) then
    enter(round, queue)
  end
  if due and due > now then
    redis.call('ZADD', P .. ':wake', due, queue)
  else
    redis.call('ZREM', P .. ':wake', queue)
  end
end

-- Counts a queue as it is: its bytes change by `bytes` (none are left when it is empty, whatever was
-- counted), and the list of what is to do gets as many entries as it has batches, or none.
local function count(queue, bytes, is_open)
  local jobs = redis.call('HLEN', queue .. ':data') - redis.call('ZCARD', queue .. ':scheduled')
  if jobs == 0 then
    redis.call('ZREM', P .. ':weights', queue)
    redis.call('ZREM', P .. ':wake', queue)
  elseif bytes ~= 0 then
    redis.call('ZINCRBY', P .. ':weights', bytes, queue)
  end
  local counted = tonumber(redis.call('HGET', queue, 'to_do') or '0')
  local to_do = is_open and jobs or 0
  if to_do < counted then
    redis.call('LTRIM', P .. ':to-do', counted - to_do, -1)
  end
  for first = counted + 1, to_do, 1000 do
    local entries = {}
    for i = first, math.min(first + 999, to_do) do
      entries[#entries + 1] = '1'
    end
    redis.call('RPUSH', P .. ':to-do', unpack(entries))
  end
  if to_do ~= counted then
    redis.call('HSET', queue, 'to_do', to_do)
  end
end

-- The same for one batch that is done, in fewer steps.
local function count_one_less(queue, bytes, is_open)
  if not is_open or redis.call('EXISTS', queue .. ':data') == 0 then
    return count(queue, -bytes, is_open)
  end
  redis.call('ZINCRBY', P .. ':weights', -bytes, queue)
  redis.call('LPOP', P .. ':to-do')
  redis.call('HINCRBY', queue, 'to_do', -1)
end

-- Whether batches of a run may be handed out; `about` is its state, paused, held.
local function is_open(about)
  return (about[1] == 'feeding' or about[1] == 'draining' or about[1] == 'cancelling')
    and not about[2] and not about[3]
end

-- Notes since when the batches of a run may be delivered, by the host's clock.
local function note_deliverable(queue, may, since)
  if since and not may then
    redis.call('HDEL', queue, 'deliverable_since_ms')
  elseif may and not since then
    local time = redis.call('TIME')
    -- The first write of a script must take no memory, see settle.lua.
    redis.call('HDEL', queue, '')
    redis.call('HSET', queue, 'deliverable_since_ms',
      string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000)))
  end
end

-- Counts a run's queue, and puts it into its round or out of it: here, and nowhere else, is decided
-- which runs are delivered. Called after whatever may change that.
local function update_round(queue, bytes, now)
  if queue == IMPORTS then
    return place(round_of('full-import'), queue, now)
  end
  local about = redis.call('HMGET', queue, 'state', 'paused', 'held', 'held_until', 'load_id',
    'deliverable_since_ms')
  local ends_at = about[3] and tonumber(about[4])
  if ends_at and ends_at <= now then
    redis.call('HDEL', queue, 'held', 'held_until')
    about[3] = false
  end
  local may, round = is_open(about), round_of_run(about[5])
  note_deliverable(queue, may and about[5], about[6])
  count(queue, bytes, may)
  if may then
    return place(round, queue, now)
  end
  redis.call('ZREM', round, queue)
  if about[3] and ends_at then
    redis.call('ZADD', P .. ':wake', ends_at, queue)
  else
    redis.call('ZREM', P .. ':wake', queue)
  end
end

