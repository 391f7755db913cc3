-- renew.lua: extend the leases of reservations whose process is alive.
--
-- ARGV   1 hour (books.lua)   2... request ids
-- Reply  {number renewed, now ms}
-- Keeps  only a hold that still stands is renewed: an expired one stays expired

local renewed = 0
local lease_ends = int(now + LEASE_MS)
for i = 2, #ARGV do
  if redis.call('ZSCORE', HOLDS, ARGV[i]) then
    redis.call('ZADD', HOLDS, lease_ends, ARGV[i])
    renewed = renewed + 1
  end
end
return {int(renewed), now_text}
