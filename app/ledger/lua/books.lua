-- books.lua: what every ledger script knows: its keys, its clock, numbers, and a hold as it is stored. It is put in
-- front of each, and behind it the parts that the script needs (app/ledger/scripts.py; Lua in Redis has no include).
--
-- KEYS   the same twenty for every script, in this order (app/keyspace.py: TeamKeys.books)
-- ARGV   1 is always the first UTC hour of the two usage roll-ups passed; the rest belongs to the script
-- Clock  the server's TIME in milliseconds, never the caller's
-- Exact  numbers are doubles, exact to 9e15, and become text only through int(), because tostring and .. round above
--        1e14. What came as text (ARGV, a stored hold) stays that text until something is calculated with it
-- Order  read all, check all, then write all: a script that refuses has changed nothing but holds that were overdue.
--        Redis takes nothing back when a command in the middle fails, so the entry is written first and the hold goes
--        last: what fails before the end stays held, and is resolved when somebody tries again
-- Cost   every redis.call, number made into text and function is paid for at each run; what a run costs may depend on
--        its own request and on overdue holds, on nothing else the team has (tests/ledger/test_script_cost.py)

local TEAM, KEY, HOLDS, RESERVATIONS, HELD, SPEND, RESOLVED, EXPIRED, LEDGER =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local TEAM_BUCKETS, KEY_BUCKETS, DAYS, QUEUE, TICKETS = KEYS[12], KEYS[13], KEYS[14], KEYS[15], KEYS[16]
local REQUEST, RECENT, IDEMPOTENCY, RETRIES = KEYS[17], KEYS[18], KEYS[19], KEYS[20] -- of the one request it is about

local LEASE_MS = 45000                   -- and a sweep within 15 s: a vanished process's holds are resolved in a minute
local TOMBSTONE_MS = 7 * 24 * 3600 * 1000 -- an answer later than this is reported by a person, not replayed
local SOON_MS = 120 * 1000                -- how long after its end a retry may come (60 s by Retry-After, and some)

-- Lifetimes, in milliseconds as Redis takes them.
local TOMBSTONE_LIFE = '604800000'        -- TOMBSTONE_MS
local USAGE_LIFE = '34560000000'          -- 400 days: a year and a month of hourly roll-ups
local BUCKET_LIFE = '120000'              -- two minutes: a bucket untouched for one is full again
local REQUEST_LIFE = '86400000'           -- a day: it can be asked what became of a request, and repeated by its key
local RETRY_LIFE = '3600000'              -- an hour: longer than any request, and SOON_MS behind it
local SOON_LIFE = '120000'                -- SOON_MS

local function int(number)
  return string.format('%.0f', number + 0) -- minus zero plus zero is zero: HINCRBY takes no '-0'
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = int(now)

-- The usage roll-up of the server's hour, or nil when the caller's clock is more than an hour off.
local USAGE
local hour = math.floor(now / 3600000)
if hour == tonumber(ARGV[1]) then USAGE = KEYS[10] elseif hour == tonumber(ARGV[1]) + 1 then USAGE = KEYS[11] end

-- A reservation as stored: cost|images|tokens|key id|team period|key period|team day|key day|admitted ms|model|note
-- (note: JSON, last). Its numbers are texts here, too.
local function pack_reservation(r)
  return table.concat({r.cost, r.images, r.tokens, r.key_id, r.team_period, r.key_period, r.team_day, r.key_day,
    r.admitted, r.model, r.note}, '|')
end

local function unpack_reservation(text)
  local cost, images, tokens, key_id, team_period, key_period, team_day, key_day, admitted, model, note = string.match(
    text, '^(%-?%d+)|(%d+)|(%d+)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(%d+)|([^|]*)|(.*)$')
  if not cost then -- as it was written before tokens and days were counted
    cost, images, key_id, team_period, key_period, admitted, model, note = string.match(
      text, '^(%-?%d+)|(%d+)|([^|]*)|([^|]*)|([^|]*)|(%d+)|([^|]*)|(.*)$')
    tokens, team_day, key_day = '0', '', ''
  end
  return {cost = cost, images = images, tokens = tokens, key_id = key_id, team_period = team_period,
    key_period = key_period, team_day = team_day, key_day = key_day, admitted = admitted, model = model, note = note}
end

local function find_hold(id)
  local text = redis.call('HGET', RESERVATIONS, id)
  return text and unpack_reservation(text) or nil
end

local function is_resolved(id)
  return redis.call('ZSCORE', RESOLVED, id) ~= false
end

-- What is held of team and key changes by so much (texts); what comes to nothing leaves no field behind.
local function change_held(key_id, cost, images)
  local fields = {'team:cost', 'team:images', 'key:' .. key_id .. ':cost', 'key:' .. key_id .. ':images'}
  local amounts, empty = {cost, images, cost, images}, {}
  for i, field in ipairs(fields) do
    if redis.call('HINCRBY', HELD, field, amounts[i]) == 0 then empty[#empty + 1] = field end
  end
  if #empty > 0 then redis.call('HDEL', HELD, unpack(empty)) end
end
