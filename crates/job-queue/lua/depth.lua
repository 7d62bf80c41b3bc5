-- Placed before the scripts that take payloads off the queue: the bytes of one that went count no
-- more. An empty queue has no depth, whatever was counted.
local function count_off(data, depth, bytes)
  if bytes then
    redis.call('HINCRBY', depth, 'bytes', -bytes)
  end
  if redis.call('HLEN', data) == 0 then
    redis.call('HDEL', depth, 'bytes', 'parked')
  end
end

