-- tell.lua: somebody who joined a request was given its answer, or told the error it ended in.
--
-- KEYS   1 retries
-- ARGV   1 request id   2 which: 1 the error, 2 the answer
-- Layout app/ledger/lua/register.lua: pack_claimable
-- Clock  the server's TIME in milliseconds, never the caller's
-- Reply  1 where it could still be claimed, else 0

local attended, claims = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^%d+|(%d+)|[012]|(.*)$')
if not attended then return 0 end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[1], ARGV[1], table.concat({now, attended, ARGV[2], claims}, '|'))
return 1
