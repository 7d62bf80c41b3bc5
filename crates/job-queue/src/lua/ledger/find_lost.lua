-- Counts the batches of a run that have no outcome and are nowhere on the queue. A Redis that
-- executes half of a transaction (after a power cut, see GUARANTEES.md) leaves such. What is left
-- of them is removed, for a payload without a place keeps the batch from being pushed again.
-- ARGV: run id, sequences
-- Gives how many there are.
local queue, lost = run_key(ARGV[1]), 0
for i = 2, #ARGV do
  local has_place = redis.call('GETBIT', queue .. ':settled', ARGV[i]) == 1
  for _, set in ipairs({':queued', ':delayed', ':leases'}) do
    has_place = has_place or redis.call('ZSCORE', queue .. set, ARGV[i])
  end
  if not has_place then
    lost = lost + 1
    update_round(queue, -remove_job(queue, ARGV[i]), about_now())
    redis.call('ZREM', queue .. ':scheduled', ARGV[i])
    redis.call('DEL', queue .. ':meta:' .. ARGV[i])
  end
end
return lost
