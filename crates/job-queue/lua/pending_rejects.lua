-- The next lines of a rejects file.
-- KEYS: run, rejects
-- ARGV: bytes, at most but for one line
-- Gives the bytes that were written before, and the lines.
local answer = {tonumber(redis.call('HGET', KEYS[1], 'rejects_written_bytes') or '0'), {}}
local lines, bytes = answer[2], 0
for first = 0, 19900, 100 do
  local some = redis.call('LRANGE', KEYS[2], first, first + 99)
  for _, line in ipairs(some) do
    bytes = bytes + #line
    if bytes > tonumber(ARGV[1]) and #lines > 0 then
      return answer
    end
    lines[#lines + 1] = line
  end
  if #some < 100 then
    return answer
  end
end
return answer
