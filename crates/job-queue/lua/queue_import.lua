-- Puts an import that apalis-redis has pushed into its round.
-- ARGV: run id
redis.call('DEL', IMPORTS .. ':meta:' .. ARGV[1])
if redis.call('ZREM', IMPORTS .. ':scheduled', ARGV[1]) == 1 then
  redis.call('ZADD', IMPORTS .. ':queued', about_now(), ARGV[1])
end
update_round(IMPORTS, 0, about_now())
