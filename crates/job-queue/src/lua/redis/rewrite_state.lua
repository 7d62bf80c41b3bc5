-- Rewrites all keys but payloads with the values they have: queues, and the runs that may have been
-- written to of late. No reader sees a change; the append-only file contains all of it again, so that
-- half a transaction before it there has no effect when the file is loaded.
-- ARGV: how many of the newest runs
-- Gives 'ok', or why Redis refused; nothing is lost then.

-- First what frees memory, see settle.lua.
local rewritten = P .. ':state-rewritten'
redis.call('DEL', rewritten)
local keys, is_listed = {}, {}
local function add(key)
  if not is_listed[key] then
    is_listed[key] = true
    keys[#keys + 1] = key
  end
end
for _, part in ipairs({':clock', ':wake', ':to-do', ':weights', ':runs:unfinished', ':runs:ended', ':org', ':last-settled',
  ':round:', ':round:deliveries', ':round:full-import', ':full-import:data', ':full-import:queued', ':full-import:delayed',
  ':full-import:leases', ':full-import:notes', ':full-import:scheduled'}) do
  add(P .. part)
end
local runs = redis.call('SMEMBERS', P .. ':runs:unfinished')
for _, run in ipairs(redis.call('ZREVRANGE', P .. ':runs', 0, ARGV[1] - 1)) do
  runs[#runs + 1] = run
end
for _, run in ipairs(runs) do
  for _, part in ipairs(RUN_PARTS) do
    if part ~= ':data' then
      add(run_key(run) .. part)
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
redis.call('SET', rewritten, '')
return 'ok'
