-- credit.lua: an operator gives money back: a correction with a negative cost, which changes no count.
--
-- ARGV   1 hour (books.lua)   2 credit id; the same one again changes nothing   3 amount (nano-dollars, above zero)
--        4 request id ('' = the team's own credit)   5 key id   6 model   7 quote   8 key period ('' = the team's)
--        9 admitted ms (0 = now)   10 what the request was charged, earlier credits taken off
--        11 the newest ledger entry that sum knows of   12 note (JSON)
--        13 team period, 14 its start ms, 15 its end ms, 16 next period, 17 its end ms
-- Reply  {what came of it, now ms, the most that can be credited, team period}
--        credited | already | too_much | moved (too many entries since: read the ledger again) | clock
-- Keeps  all credits of a request together <= what it was charged, and no spend of a team below zero; but a credit to a
--        team knows of no request, so what a late truth gives back of an expired one may come on top of it

if not USAGE then return {'clock', now_text} end

local tombstone, amount, request = 'credit:' .. ARGV[2], tonumber(ARGV[3]), ARGV[4]
local NEWER_AT_MOST = 1000 -- entries written while the caller read the ledger; some hundreds a second are much

local period, ends = ARGV[13], tonumber(ARGV[15])
if now < tonumber(ARGV[14]) then return {'clock', now_text} end
if now >= ends then
  period, ends = ARGV[16], tonumber(ARGV[17])
  if now >= ends then return {'clock', now_text} end
end

if is_resolved(tombstone) then return {'already', now_text, '0', period} end

-- The caller read the ledger a moment ago; what was written since is added here.
local function charged_by_now()
  local charged = tonumber(ARGV[10])
  local newer = redis.call('XRANGE', LEDGER, '(' .. ARGV[11], '+', 'COUNT', NEWER_AT_MOST)
  if #newer == NEWER_AT_MOST then return nil end
  for _, found in ipairs(newer) do
    local fields = {}
    for i = 1, #found[2], 2 do fields[found[2][i]] = found[2][i + 1] end
    if fields.request == request then charged = charged + tonumber(fields.cost) end
  end
  return charged
end

local most = tonumber(redis.call('HGET', SPEND, 'team:' .. period) or '0')
if request ~= '' then
  local charged = charged_by_now()
  if not charged then return {'moved', now_text, '0', period} end
  most = math.min(most, charged)
end
if amount > most then return {'too_much', now_text, int(math.max(0, most)), period} end

-- A correction takes one unknown away and adds one of its own outcome: with `unknown` the counts stay as they are.
write_entry({kind = 'correction', request = request, outcome = 'unknown', key_id = ARGV[5], model = ARGV[6],
  cost = int(-amount), quote = ARGV[7], delivered = '0', usage = NO_USAGE, team_period = period,
  key_period = ARGV[8] ~= '' and ARGV[8] or period, admitted = ARGV[9] ~= '0' and ARGV[9] or now_text,
  flags = 'credit', note = ARGV[12]})
-- What an expiry charged is now charged less: a truth that comes later corrects what is left of it.
local expired = request ~= '' and redis.call('HGET', EXPIRED, request)
if expired then
  local r = unpack_reservation(expired)
  r.cost = int(r.cost - amount)
  redis.call('HSET', EXPIRED, request, pack_reservation(r))
end
entomb(tombstone)
return {'credited', now_text, int(most - amount), period}
