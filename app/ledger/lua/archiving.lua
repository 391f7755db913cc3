-- archiving.lua: take, renew or give back the lock of whoever archives ledger entries just now.
--
-- KEYS   1 the lock (app/keyspace.py: ARCHIVING); books.lua does not stand in front of it
-- ARGV   1 who asks   2 for how long (ms); 0 gives it back
-- Clock  none: the lock ends by itself
-- Reply  1, or 0 when somebody else has it
-- Keeps  two that archive at once do no harm (bring_forward.lua); this only saves them the work

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1]) -- first, so that it can be taken on a full Redis, too
if ARGV[2] ~= '0' then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1
