-- Placed before the scripts that begin a run or go on with a failed one: there is one run of a
-- version of a file at a time.

-- The id of an unfinished run of the same version of the same file; false when there is none.
local function run_of_same_file(container, file, etag)
  for _, other in ipairs(redis.call('SMEMBERS', P .. ':runs:unfinished')) do
    local of = redis.call('HMGET', run_key(other), 'container', 'file', 'etag')
    if of[1] == container and of[2] == file and of[3] == etag then
      return other
    end
  end
  return false
end

