-- Placed before the scripts that have to do with lines for the files that a run writes. The lines of a
-- file wait in a list of its name; beside it the run's entry has, under that name, their bytes
-- (`_pending_bytes`), the bytes that are written (`_written_bytes`), and where (`_parts`).

-- Bytes of the lines of a run that are in no file yet.
local function pending_bytes(queue)
  local sum = 0
  for _, bytes in ipairs(redis.call('HMGET', queue, 'rejects_pending_bytes', 'ids_pending_bytes')) do
    sum = sum + (tonumber(bytes or '0') or 0)
  end
  return sum
end

