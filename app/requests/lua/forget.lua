-- forget.lua: the kept answer of a request is to be found no more; the record stays.
--
-- KEYS   1 record
-- ARGV   1 key id
-- Clock  none
-- Reply  the name of the answer in the store; '' where there was none, or this key has no such request

if redis.call('HGET', KEYS[1], 'key') ~= ARGV[1] then return '' end
local name = redis.call('HGET', KEYS[1], 'result')
if not name or name == '' then return '' end
redis.call('HSET', KEYS[1], 'result', '')
return name
