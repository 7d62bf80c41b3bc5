-- Puts an import that apalis-redis has pushed into its round. One that a server holds is queued once
-- more when that server acks it.
-- ARGV: run id
redis.call('DEL', IMPORTS .. ':meta:' .. ARGV[1])
if redis.call('ZREM', IMPORTS .. ':scheduled', ARGV[1]) == 1 then
  redis.call('ZADD', IMPORTS .. ':queued', about_now(), ARGV[1])
elseif redis.call('ZSCORE', IMPORTS .. ':leases', ARGV[1]) then
  redis.call('HSET', IMPORTS .. ':notes', ARGV[1] .. ':again', 1)
end
update_round(IMPORTS, 0, about_now())
