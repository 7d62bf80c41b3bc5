-- Rewinds a run that waits for lost batches to its first batch: its follower feeds it again, and what
-- is settled is skipped; a producer that feeds it now gets 'rewound'. A cancelled run ends without
-- them.
-- ARGV: run id, how many are lost
-- Gives the state that the run is in now, or 'unknown'.
local queue = run_key(ARGV[1])
local run = redis.call('HMGET', queue, 'state', 'fed_sequence')
local state, fed = run[1] or 'unknown', tonumber(run[2] or '0')
if state ~= 'feeding' and state ~= 'draining' and state ~= 'cancelling' then
  return state
end
if state == 'draining' and end_when_all_settled(ARGV[1], fed) then
  return 'completed'
end
if state == 'cancelling' and redis.call('EXISTS', queue .. ':data') == 0 then
  end_run(ARGV[1], 'cancelled')
  return 'cancelled'
end
if state ~= 'cancelling' and tonumber(ARGV[2]) > 0 then
  state = 'feeding'
  redis.call('HSET', queue, 'state', state, 'batches_settled', redis.call('BITCOUNT', queue .. ':settled'),
    'fed_sequence', 0, 'fed_record', 0, 'fed_line', 1, 'fed_byte', 0, 'fed_skipped', 0)
  redis.call('HDEL', queue, 'fed_at_ms')
end
-- Should the run be missing in its round, it is delivered from here on.
update_round(queue, 0, about_now())
return state
