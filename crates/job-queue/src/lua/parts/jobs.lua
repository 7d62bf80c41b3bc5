-- Placed before the scripts that take jobs off a queue.

local function holds(queue, id, token)
  return redis.call('HGET', queue .. ':notes', id) == token
end

local function forget_notes(queue, id)
  redis.call('HDEL', queue .. ':notes', id, id .. ':failed', id .. ':waits', id .. ':external_job', id .. ':blamed',
    id .. ':records', id .. ':queued')
end

-- Begins with what frees memory, see settle.lua. Gives the bytes that are gone.
local function remove_job(queue, id)
  local bytes = redis.call('HSTRLEN', queue .. ':data', id)
    + redis.call('HSTRLEN', queue .. ':notes', id .. ':records')
  redis.call('HDEL', queue .. ':data', id)
  redis.call('ZREM', queue .. ':leases', id)
  forget_notes(queue, id)
  return bytes
end

-- Removes what was pushed and not kept by a checkpoint: it is pushed again.
local function drop_unkept(queue)
  for _, id in ipairs(redis.call('ZRANGE', queue .. ':scheduled', 0, -1)) do
    redis.call('HDEL', queue .. ':data', id)
    redis.call('DEL', queue .. ':meta:' .. id)
  end
  redis.call('DEL', queue .. ':scheduled')
end

