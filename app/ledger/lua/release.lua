-- release.lua: give a reservation back; nothing is charged.
--
-- ARGV   1 hour (books.lua)   2 request id   3 key id   4 outcome (failed | refused)   5 flags   6 note (JSON, '' = the hold's)
--        7 whether it may run again (1), or its answer is this error (0)   8 operation   9 whether its client was there
--        10 error (JSON, '' = none)   11 about (JSON, '' = nothing)
-- Reply  {what came of it, now ms}: released | corrected (an expiry had charged the quote) | tombstone | already | clock
-- Keeps  a release that comes before its admit leaves a tombstone, which makes the late admit refuse

if not USAGE then return {'clock', now_text} end

local id = ARGV[2]
local r, kind, charged = nil, 'release', '0'
if is_resolved(id) then
  local text = redis.call('HGET', EXPIRED, id)
  if not text then return {'already', now_text} end
  r, kind = unpack_reservation(text), 'correction'
  charged = r.cost
else
  r = find_hold(id)
  if not r then
    leave_queue(id)
    if redis.call('HGET', REQUEST, 'state') == 'waiting' then -- it gave up in the queue
      redis.call('HSET', REQUEST, 'state', ARGV[4], 'resolved', now_text, 'again', '1')
    end
    forget_repeated(id)
    entomb(id)
    return {'tombstone', now_text}
  end
end

write_entry({kind = kind, request = id, outcome = ARGV[4], key_id = r.key_id, model = r.model, cost = int(-charged),
  quote = r.cost, delivered = '0', usage = NO_USAGE, team_period = r.team_period, key_period = r.key_period,
  admitted = r.admitted, flags = ARGV[5], note = ARGV[6] ~= '' and ARGV[6] or r.note})
end_request(id, {outcome = ARGV[4], again = ARGV[7], attended = ARGV[9], key_id = r.key_id, model = r.model,
  operation = ARGV[8], admitted = r.admitted, quote = r.cost, cost = '0', delivered = '0', result = '', error = ARGV[10],
  about = ARGV[11]})
if kind == 'correction' then
  redis.call('HDEL', EXPIRED, id)
else
  close_hold(id, r)
  entomb(id)
end
correct_counts(r, 0, 0)
return {kind == 'release' and 'released' or 'corrected', now_text}
