-- leave.lua: one of those who waited for a request has gone without its answer.
--
-- KEYS   1 retries
-- ARGV   1 request id
-- Layout app/ledger/lua/register.lua: pack_claimable
-- Clock  none
-- Reply  1 where it can still be claimed, else 0

local since, attended, told, claims = string.match(
  redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%d+)|(%d+)|([012])|(.*)$')
if not since then return 0 end
local left = math.max(0, tonumber(attended) - 1)
if told == '2' then told = '0' end -- it had not arrived
redis.call('HSET', KEYS[1], ARGV[1], table.concat({since, string.format('%.0f', left), told, claims}, '|'))
return 1
