-- Placed before each script: without keys it does nothing, and Redis knows it from then on. Not
-- SCRIPT LOAD, which Redis 6 writes into its append-only file: a Redis that has just started would
-- know the scripts then, see aof_repair.rs.
if #KEYS == 0 then
  return 'known'
end

