-- Placed before the scripts that tell why nothing is delivered. Each kind of outage has a key of its own,
-- which expires by itself: one that begins or ends says nothing of another.

-- Workers of a registry that have sent a heartbeat within their lease.
local function count_live(registry, now)
  return redis.call('ZCOUNT', P .. ':' .. registry, '(' .. now, '+inf')
end

-- Reason, since when, and when it is tried again, of an outage of this kind; no reason: there is none.
-- A consumer whose sign-in is refused ends. Deliveries stand still for it only if no other one is alive,
-- for a consumer has a heartbeat once it was let in.
local function outage_of(kind, consumers)
  local outage = redis.call('HMGET', P .. ':outage:' .. kind, 'reason', 'since_ms', 'until_ms')
  if kind == 'sign_in' and not outage[1] and consumers == 0 then
    return redis.call('HMGET', P .. ':sign-in-refused', 'reason', 'since_ms', 'until_ms')
  end
  return outage
end

