-- The next lines of a rejects file.
-- ARGV: run id, bytes, at most but for one line
-- Gives the bytes that were written before, and the lines.
local queue, bytes_max = run_key(ARGV[1]), tonumber(ARGV[2])
local answer = {tonumber(redis.call('HGET', queue, 'rejects_written_bytes') or '0'), {}}
local lines, bytes = answer[2], 0
for first = 0, 19900, 100 do
  local some = redis.call('LRANGE', queue .. ':rejects', first, first + 99)
  for _, line in ipairs(some) do
    bytes = bytes + #line
    if bytes > bytes_max and #lines > 0 then
      return answer
    end
    lines[#lines + 1] = line
  end
  if #some < 100 then
    return answer
  end
end
return answer
