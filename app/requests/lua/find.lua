-- find.lua: what is known of some requests of one virtual key; changes nothing.
--
-- KEYS   1 reservations   2 expired   3 resolved   4 tickets   5… the records
-- ARGV   1 key id   2… the requests' ids, in the order of their records
-- Clock  the server's TIME in milliseconds, never the caller's
-- Reply  a list for each request: {} where this key has no such record, else
--        {now ms, held 0 | 1, reservation an expiry has charged or '', resolved ms or '', ticket or '', field, value, …}

local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))

local found = {}
for i = 2, #ARGV do
  local id, record = ARGV[i], KEYS[i + 3]
  local about = {}
  if redis.call('HGET', record, 'key') == ARGV[1] then
    about = {now, redis.call('HEXISTS', KEYS[1], id), redis.call('HGET', KEYS[2], id) or '',
      redis.call('ZSCORE', KEYS[3], id) or '', redis.call('HGET', KEYS[4], id) or ''}
    for _, part in ipairs(redis.call('HGETALL', record)) do about[#about + 1] = part end
  end
  found[i - 1] = about
end
return found
