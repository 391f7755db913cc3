-- books.lua: what every ledger script knows. It is put in front of each of them (Lua in Redis has no include).
--
-- KEYS   the same thirteen for every script, in this order (app/keyspace.py: TeamKeys.books)
-- ARGV   1 is always the first UTC hour of the two usage roll-ups passed; the rest belongs to the script
-- Clock  the server's TIME in milliseconds, never the caller's
-- Exact  numbers are doubles, exact to 9e15; they become text only through int(), because tostring rounds above 1e14
-- Order  read all, check all, then write all: a script that refuses has changed nothing but holds that were overdue

local TEAM, KEY, HOLDS, RESERVATIONS, HELD, SPEND, RESOLVED, EXPIRED, LEDGER =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local TEAM_BUCKETS, KEY_BUCKETS = KEYS[12], KEYS[13]

local LEASE_MS = 45000                   -- and a sweep within 15 s: a vanished process's holds are resolved in a minute
local TOMBSTONE_MS = 7 * 24 * 3600 * 1000 -- an answer later than this is reported by a person, not replayed
local USAGE_SECONDS = 400 * 24 * 3600     -- a year and a month of hourly roll-ups
local TRIM_AT_ONCE = 20                   -- tombstones removed per resolution: more than one comes in, so it converges

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function int(number)
  return string.format('%.0f', number + 0) -- minus zero plus zero is zero: HINCRBY takes no '-0'
end

-- The usage roll-up of the server's hour, or nil when the caller's clock is more than an hour off.
local USAGE
local hour = math.floor(now / 3600000)
if hour == tonumber(ARGV[1]) then USAGE = KEYS[10] elseif hour == tonumber(ARGV[1]) + 1 then USAGE = KEYS[11] end

local function add_held(field, amount)
  if redis.call('HINCRBY', HELD, field, int(amount)) == 0 then
    redis.call('HDEL', HELD, field)
  end
end

local function hold_add(key_id, cost, images)
  add_held('team:cost', cost)
  add_held('team:images', images)
  add_held('key:' .. key_id .. ':cost', cost)
  add_held('key:' .. key_id .. ':images', images)
end

-- A reservation as stored: cost|images|key id|team period|key period|admitted ms|model|note (note: JSON, last).
local function pack_reservation(r)
  return table.concat({int(r.cost), int(r.images), r.key_id, r.team_period, r.key_period, int(r.admitted), r.model,
    r.note}, '|')
end

local function unpack_reservation(text)
  local cost, images, key_id, team_period, key_period, admitted, model, note =
    string.match(text, '^(%-?%d+)|(%d+)|([^|]*)|([^|]*)|([^|]*)|(%d+)|([^|]*)|(.*)$')
  return {cost = tonumber(cost), images = tonumber(images), key_id = key_id, team_period = team_period,
    key_period = key_period, admitted = tonumber(admitted), model = model, note = note}
end

local function is_resolved(id)
  return redis.call('ZSCORE', RESOLVED, id) ~= false
end

-- Leave a tombstone, and clear a few old ones away so that they never pile up.
local function entomb(id)
  redis.call('ZADD', RESOLVED, int(now), id)
  local old = redis.call('ZRANGEBYSCORE', RESOLVED, '-inf', int(now - TOMBSTONE_MS), 'LIMIT', 0, TRIM_AT_ONCE)
  if #old > 0 then
    redis.call('ZREM', RESOLVED, unpack(old))
    redis.call('HDEL', EXPIRED, unpack(old))
  end
  redis.call('PEXPIRE', RESOLVED, int(TOMBSTONE_MS))
end

-- Take a hold off the books; returns it, or nil when there is none.
local function close_hold(id)
  local text = redis.call('HGET', RESERVATIONS, id)
  if not text then return nil end
  local r = unpack_reservation(text)
  redis.call('HDEL', RESERVATIONS, id)
  redis.call('ZREM', HOLDS, id)
  hold_add(r.key_id, -r.cost, -r.images)
  return r
end

-- Write one ledger entry, its spend and its roll-ups. e: kind, request, outcome, key_id, model, cost, quote,
-- delivered, usage {4 counts}, team_period, key_period, admitted, flags, note
local function write_entry(e)
  local u = e.usage
  redis.call('XADD', LEDGER, '*', 'kind', e.kind, 'request', e.request, 'outcome', e.outcome, 'key', e.key_id,
    'model', e.model, 'cost', int(e.cost), 'quote', int(e.quote), 'images', int(e.delivered),
    'text_input', int(u[1]), 'image_input', int(u[2]), 'text_output', int(u[3]), 'image_output', int(u[4]),
    'team_period', e.team_period, 'key_period', e.key_period, 'admitted_ms', int(e.admitted),
    'resolved_ms', int(now), 'flags', e.flags, 'note', e.note)
  redis.call('HINCRBY', SPEND, 'team:' .. e.team_period, int(e.cost))
  redis.call('HINCRBY', SPEND, 'key:' .. e.key_id .. ':' .. e.key_period, int(e.cost))
  local prefix = e.key_id .. '|' .. e.model .. '|'
  local sums = {requests = 1, cost = e.cost, images = e.delivered,
    text_input = u[1], image_input = u[2], text_output = u[3], image_output = u[4]}
  if e.kind == 'correction' then sums.requests, sums.unknown = 0, -1 end -- the expiry counted it as unknown
  sums[e.outcome] = (sums[e.outcome] or 0) + 1
  for measure, amount in pairs(sums) do
    if amount ~= 0 then redis.call('HINCRBY', USAGE, prefix .. measure, int(amount)) end
  end
  redis.call('EXPIRE', USAGE, USAGE_SECONDS)
end

-- Resolve holds whose process stopped renewing them: nobody knows what the upstream made of them, so they are charged
-- at the quote and marked unknown; a later settle or release corrects that by a new entry.
local function expire_overdue(limit)
  local overdue = redis.call('ZRANGEBYSCORE', HOLDS, '-inf', int(now), 'LIMIT', 0, limit)
  for _, id in ipairs(overdue) do
    local text = redis.call('HGET', RESERVATIONS, id)
    local r = close_hold(id)
    if r then
      redis.call('HSET', EXPIRED, id, text)
      redis.call('PEXPIRE', EXPIRED, int(TOMBSTONE_MS))
      entomb(id)
      write_entry({kind = 'expire', request = id, outcome = 'unknown', key_id = r.key_id, model = r.model,
        cost = r.cost, quote = r.cost, delivered = 0, usage = {0, 0, 0, 0}, team_period = r.team_period,
        key_period = r.key_period, admitted = r.admitted, flags = 'at_quote', note = r.note})
    else
      redis.call('ZREM', HOLDS, id)
    end
  end
  return #overdue
end
