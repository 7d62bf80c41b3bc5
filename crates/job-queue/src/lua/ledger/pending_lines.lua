-- The next lines of a file that a run writes.
-- ARGV: run id, output, bytes, at most but for one entry of the list: a line, or a piece of whole lines
-- Gives the bytes that were written before, the parts that they are in, and the entries.
local queue, output, bytes_max = run_key(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local about = redis.call('HMGET', queue, output .. '_written_bytes', output .. '_parts')
local answer = {tonumber(about[1] or '0'), about[2] or '', {}}
local lines, bytes = answer[3], 0
-- Few at a time: a line may be as large as a record.
local STEP = 8
for first = 0, 20000 - STEP, STEP do
  local some = redis.call('LRANGE', queue .. ':' .. output, first, first + STEP - 1)
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
