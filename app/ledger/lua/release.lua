-- release.lua: give a reservation back; nothing is charged.
--
-- ARGV   1 hour (books.lua)   2 request id   3 key id   4 outcome (failed | refused)   5 flags   6 note (JSON, '' = the hold's)
-- Reply  {what came of it, now ms}: released | corrected (an expiry had charged the quote) | tombstone | already | clock
-- Keeps  a release that comes before its admit leaves a tombstone, which makes the late admit refuse

if not USAGE then return {'clock', int(now)} end

local id = ARGV[2]
local r, kind, charged = nil, 'release', 0
if is_resolved(id) then
  local text = redis.call('HGET', EXPIRED, id)
  if not text then return {'already', int(now)} end
  r, kind = unpack_reservation(text), 'correction'
  charged = r.cost
else
  r = find_hold(id)
  leave_queue(id)
  if not r then
    entomb(id)
    return {'tombstone', int(now)}
  end
end

write_entry({kind = kind, request = id, outcome = ARGV[4], key_id = r.key_id, model = r.model, cost = -charged,
  quote = r.cost, delivered = 0, usage = {0, 0, 0, 0}, team_period = r.team_period, key_period = r.key_period,
  admitted = r.admitted, flags = ARGV[5], note = ARGV[6] ~= '' and ARGV[6] or r.note})
if kind == 'correction' then
  redis.call('HDEL', EXPIRED, id)
else
  close_hold(id)
  entomb(id)
end
correct_counts(r, 0, 0)
return {kind == 'release' and 'released' or 'corrected', int(now)}
