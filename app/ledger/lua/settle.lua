-- settle.lua: turn a reservation into spend, counters and a ledger entry, at most once.
--
-- ARGV   1 hour (books.lua)   2 request id   3 key id   4 model   5 outcome (delivered | failed | unknown)
--        6 cost   7 quote   8 delivered images   9-12 text input, image input, text output, image output tokens
--        13 team period   14 key period   15 admitted ms   16 flags   17 note (JSON)
--        18 whether the tokens are known (1) or stay counted as quoted (0)
--        19 operation   20 result ('' = none kept)   21 whether its client was there (0, 1)   22 error (JSON, '' = none)
--        23 about (JSON, '' = nothing)
--        It says everything, so it is whole even where a failover lost the reservation.
-- Reply  {what came of it, now ms, team spent, key spent}: settled | corrected (an expiry had charged the quote) |
--        already | clock; spent in the periods of this request, behind this entry ('' where nothing was written)
-- Keeps  one request is charged once: the hold goes and the spend comes in one step; a repeat changes nothing

if not USAGE then return {'clock', now_text} end

local id, cost = ARGV[2], ARGV[6]
local entry = {kind = 'settle', request = id, key_id = ARGV[3], model = ARGV[4], outcome = ARGV[5], cost = cost,
  quote = ARGV[7], delivered = ARGV[8], usage = {ARGV[9], ARGV[10], ARGV[11], ARGV[12]}, again = '0',
  operation = ARGV[19], result = ARGV[20], attended = ARGV[21], error = ARGV[22], about = ARGV[23],
  team_period = ARGV[13], key_period = ARGV[14], admitted = ARGV[15], flags = ARGV[16], note = ARGV[17]}

local came, r = 'settled', nil
if is_resolved(id) then
  local charged = redis.call('HGET', EXPIRED, id)
  if not charged then return {'already', now_text, '', ''} end
  came, r = 'corrected', unpack_reservation(charged)
  entry.kind = 'correction'
  entry.cost = int(cost - r.cost)
else
  r = find_hold(id)
end

local team_spent, key_spent = write_entry(entry)
entry.cost = cost -- the entry holds the difference, the record the whole
end_request(id, entry)
if came == 'corrected' then
  redis.call('HDEL', EXPIRED, id)
else
  if r then close_hold(id, r) end
  entomb(id)
end
if r then
  correct_counts(r, ARGV[18] == '1' and ARGV[9] + ARGV[10] + ARGV[11] + ARGV[12] or nil,
    entry.outcome == 'delivered' and tonumber(entry.delivered) or nil)
end
return {came, now_text, int(team_spent), int(key_spent)}
