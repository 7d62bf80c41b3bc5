-- Writes everything anew as it is, but for payloads: queues, and the runs that may have been
-- written to of late. Changes nothing for who asks; the append-only file says all of it again, so
-- that half a transaction that stands before it there has no effect when the file is loaded.
-- KEYS: a key that may go, unfinished runs, newest runs, and whatever else is to be written
-- ARGV: prefix of run keys, how many of the newest runs
-- Gives 'ok', or why Redis refused; nothing is lost then.

-- First what frees memory, see settle.lua.
redis.call('DEL', KEYS[1])
local keys = {}
for at = 2, #KEYS do
  if at ~= 3 then
    keys[#keys + 1] = KEYS[at]
  end
end
local runs = redis.call('SMEMBERS', KEYS[2])
for _, run in ipairs(redis.call('ZREVRANGE', KEYS[3], 0, ARGV[2] - 1)) do
  runs[#runs + 1] = run
end
local is_listed = {}
for _, run in ipairs(runs) do
  if not is_listed[run] then
    is_listed[run] = true
    for _, part in ipairs({'', ':settled', ':codes', ':rejects', ':series', ':parked'}) do
      keys[#keys + 1] = ARGV[1] .. run .. part
    end
  end
end

for _, key in ipairs(keys) do
  local value = redis.call('DUMP', key)
  local answer
  if value then
    local left = math.max(0, redis.call('PTTL', key))
    answer = redis.pcall('RESTORE', key, left, value, 'REPLACE')
  else
    -- That a key is not there is only written down when it goes.
    answer = redis.pcall('SET', key, '')
    redis.call('DEL', key)
  end
  if type(answer) == 'table' and answer.err then
    return answer.err
  end
end
redis.call('SET', KEYS[1], '')
return 'ok'
