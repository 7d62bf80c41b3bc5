-- The next lines of a rejects file.
-- ARGV: run id, bytes, at most but for one line
-- Gives the bytes that were written before, the parts that they are in, and the lines.
local queue, bytes_max = run_key(ARGV[1]), tonumber(ARGV[2])
local about = redis.call('HMGET', queue, 'rejects_written_bytes', 'rejects_parts')
local answer = {tonumber(about[1] or '0'), about[2] or '', {}}
local lines, bytes = answer[3], 0
-- Few at a time: a line may be as large as a record.
local STEP = 8
for first = 0, 20000 - STEP, STEP do
  local some = redis.call('LRANGE', queue .. ':rejects', first, first + STEP - 1)
  for _, line in ipairs(some) do
    bytes = bytes + #line
    if bytes > bytes_max and #lines > 0 then
      return answer
    end
    lines[#lines + 1] = line
  end
  if #some < STEP then
    return answer
  end
end
return answer
