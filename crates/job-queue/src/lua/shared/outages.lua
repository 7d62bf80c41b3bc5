-- Why nothing is delivered now.
-- ARGV: kinds of outage
-- Gives, of each of them that there is, its reason, since when, and when it is tried again ('').
local time, answer = redis.call('TIME'), {}
local consumers = count_live('consumers', time[1] * 1000 + math.floor(time[2] / 1000))
for _, kind in ipairs(ARGV) do
  local outage = outage_of(kind, consumers)
  if outage[1] then
    answer[#answer + 1] = {outage[1], outage[2], outage[3] or ''}
  end
end
return answer
