-- settle.lua: turn a reservation into spend, counters and a ledger entry, at most once.
--
-- ARGV   1 hour (books.lua)   2 request id   3 key id   4 model   5 outcome (delivered | failed | unknown)
--        6 cost   7 quote   8 delivered images   9-12 text input, image input, text output, image output tokens
--        13 team period   14 key period   15 admitted ms   16 flags   17 note (JSON)
--        It says everything, so it is whole even where a failover lost the reservation.
-- Reply  {what came of it, now ms}: settled | corrected (an expiry had charged the quote) | already | clock
-- Keeps  one request is charged once: the hold goes and the spend comes in one step; a repeat changes nothing

if not USAGE then return {'clock', int(now)} end

local id = ARGV[2]
local entry = {kind = 'settle', request = id, key_id = ARGV[3], model = ARGV[4], outcome = ARGV[5],
  cost = tonumber(ARGV[6]), quote = tonumber(ARGV[7]), delivered = tonumber(ARGV[8]),
  usage = {tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])},
  team_period = ARGV[13], key_period = ARGV[14], admitted = tonumber(ARGV[15]), flags = ARGV[16], note = ARGV[17]}

if is_resolved(id) then
  local charged = redis.call('HGET', EXPIRED, id)
  if not charged then return {'already', int(now)} end
  redis.call('HDEL', EXPIRED, id)
  entry.kind = 'correction'
  entry.cost = entry.cost - unpack_reservation(charged).cost
  write_entry(entry)
  return {'corrected', int(now)}
end

close_hold(id)
entomb(id)
write_entry(entry)
return {'settled', int(now)}
