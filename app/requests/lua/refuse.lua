-- refuse.lua: a request that nobody is connected for was refused while it waited; its error is kept for whoever asks.
--
-- KEYS   1 record
-- ARGV   1 key id   2 error (JSON)
-- Clock  the server's TIME in milliseconds, never the caller's
-- Reply  1 where it waited, or had given up without an error, else 0: what became of any other stays as it is

local key, state, resolved, told = unpack(redis.call('HMGET', KEYS[1], 'key', 'state', 'resolved', 'error'))
local is_open = state == 'waiting' or (state == 'failed' or state == 'refused') and (told or '') == ''
if key ~= ARGV[1] or not is_open then return 0 end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[1], 'state', 'failed', 'resolved', resolved or now, 'cost', '0', 'images', '0', 'result', '',
  'error', ARGV[2], 'about', '', 'again', '1')
return 1
