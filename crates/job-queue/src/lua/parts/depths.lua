-- Placed before the scripts that tell how full the queue is.

-- Bytes of the batches and lines of all runs.
local function all_bytes()
  local all = 0
  local weights = redis.call('ZRANGE', P .. ':weights', 0, -1, 'WITHSCORES')
  for i = 1, #weights, 2 do
    -- A failed run is forgotten with its queue.
    if redis.call('EXISTS', weights[i]) == 1 then
      all = all + weights[i + 1]
    else
      redis.call('ZREM', P .. ':weights', weights[i])
    end
  end
  return all
end

-- Batches of a run, their bytes with those of its lines that are not in their files yet, and the bytes
-- of all runs.
local function depth_of(queue)
  local all = all_bytes()
  local bytes = redis.call('ZSCORE', P .. ':weights', queue) or 0
  return {redis.call('HLEN', queue .. ':data'), bytes + pending_bytes(queue), all}
end

