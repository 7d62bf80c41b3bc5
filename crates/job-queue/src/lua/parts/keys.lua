-- Placed before each script. Every key begins with KEYS[1], which carries the hash tag: a script
-- needs no other name from outside, and all it touches lies on one shard of a cluster. It ends with
-- a colon, for a Redis user may be allowed the keys `{batch-sync}:*` and no others.
local P = string.sub(KEYS[1], 1, -2)
local IMPORTS = P .. ':full-import'

-- A run's entry in the ledger; its queue has the same name, and its keys follow it.
local function run_key(id)
  return P .. ':run:' .. id
end

local function run_id(queue)
  return string.sub(queue, #P + 6)
end

-- Each hash, set and list of a run: 'scheduled' is where apalis-redis pushes to, until the checkpoint.
local RUN_PARTS = {'', ':settled', ':codes', ':rejects', ':ids', ':series', ':data', ':queued', ':delayed', ':leases',
  ':notes', ':scheduled'}

