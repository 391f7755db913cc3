-- books.lua: what every ledger script knows. It is put in front of each of them (Lua in Redis has no include).
--
-- KEYS   the same twenty for every script, in this order (app/keyspace.py: TeamKeys.books)
-- ARGV   1 is always the first UTC hour of the two usage roll-ups passed; the rest belongs to the script
-- Clock  the server's TIME in milliseconds, never the caller's
-- Exact  numbers are doubles, exact to 9e15; they become text only through int(), because tostring rounds above 1e14
-- Order  read all, check all, then write all: a script that refuses has changed nothing but holds that were overdue.
--        Redis takes nothing back when a command in the middle fails, so the entry is written first and the hold goes
--        last: what fails before the end stays held, and is resolved when somebody tries again

local TEAM, KEY, HOLDS, RESERVATIONS, HELD, SPEND, RESOLVED, EXPIRED, LEDGER =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local TEAM_BUCKETS, KEY_BUCKETS, DAYS, QUEUE, TICKETS = KEYS[12], KEYS[13], KEYS[14], KEYS[15], KEYS[16]
local REQUEST, RECENT, IDEMPOTENCY, RETRIES = KEYS[17], KEYS[18], KEYS[19], KEYS[20] -- of the one request it is about

local LEASE_MS = 45000                   -- and a sweep within 15 s: a vanished process's holds are resolved in a minute
local TOMBSTONE_MS = 7 * 24 * 3600 * 1000 -- an answer later than this is reported by a person, not replayed
local USAGE_MS = 400 * 24 * 3600 * 1000  -- a year and a month of hourly roll-ups
local BUCKET_MS = 120000                  -- a bucket untouched for a minute is full again
local REQUEST_MS = 24 * 3600 * 1000       -- how long it can be asked what became of a request, and repeated by its key
local RETRY_MS = 3600 * 1000              -- longer than any request, and SOON_MS behind it
local GIVEN_MS = 30 * 1000                -- how long an answer can be on its way to a client that will not get it
local SOON_MS = 120 * 1000                -- how long after its end a retry may come (60 s by Retry-After, and some)
local MOST_RECENT = 100                   -- of a key, for whoever lists them
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

-- A reservation as stored: cost|images|tokens|key id|team period|key period|team day|key day|admitted ms|model|note
-- (note: JSON, last).
local function pack_reservation(r)
  return table.concat({int(r.cost), int(r.images), int(r.tokens), r.key_id, r.team_period, r.key_period, r.team_day,
    r.key_day, int(r.admitted), r.model, r.note}, '|')
end

local function unpack_reservation(text)
  local cost, images, tokens, key_id, team_period, key_period, team_day, key_day, admitted, model, note = string.match(
    text, '^(%-?%d+)|(%d+)|(%d+)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|(%d+)|([^|]*)|(.*)$')
  if not cost then -- as it was written before tokens and days were counted
    cost, images, key_id, team_period, key_period, admitted, model, note = string.match(
      text, '^(%-?%d+)|(%d+)|([^|]*)|([^|]*)|([^|]*)|(%d+)|([^|]*)|(.*)$')
    tokens, team_day, key_day = 0, '', ''
  end
  return {cost = tonumber(cost), images = tonumber(images), tokens = tonumber(tokens), key_id = key_id,
    team_period = team_period, key_period = key_period, team_day = team_day, key_day = key_day,
    admitted = tonumber(admitted), model = model, note = note}
end

-- A token bucket: as deep as its limit per minute, refilled evenly, fractions kept; a clock that steps back adds nothing.
local function bucket_level(buckets, name, limit)
  local values = redis.call('HMGET', buckets, name, name .. ':at')
  if not values[1] then return limit end
  if tonumber(values[2]) > now then -- or it would not fill again until the clock is where it was
    redis.call('HSET', buckets, name .. ':at', int(now))
  end
  local gained = math.max(0, now - tonumber(values[2])) * limit / 60000
  return math.min(limit, tonumber(values[1]) + gained)
end

local function set_bucket(buckets, name, level)
  redis.call('HSET', buckets, name, string.format('%.17g', level), name .. ':at', int(now))
  redis.call('PEXPIRE', buckets, BUCKET_MS)
end

-- Give a bucket back what was taken too much of it (or take what was too little); one that has run full needs nothing.
local function correct_bucket(buckets, name, amount)
  local level = redis.call('HGET', buckets, name)
  if level then
    redis.call('HSET', buckets, name, string.format('%.17g', tonumber(level) + amount))
  end
end

-- The pictures of a scope's day, counted at admission and corrected when it is known how many there were.
local function day_count(scope, day)
  local values = redis.call('HMGET', DAYS, scope .. ':day', scope .. ':images')
  return values[1] == day and tonumber(values[2]) or 0
end

local function set_day(scope, day, images)
  redis.call('HSET', DAYS, scope .. ':day', day, scope .. ':images', int(images))
end

local function correct_day(scope, day, difference)
  if day ~= '' and redis.call('HGET', DAYS, scope .. ':day') == day then
    redis.call('HINCRBY', DAYS, scope .. ':images', int(difference))
  end
end

-- What an admission counted beforehand is set right; nil for tokens or images that nobody knows: they stay as quoted.
local function correct_counts(r, tokens, images)
  if tokens and tokens ~= r.tokens then
    correct_bucket(TEAM_BUCKETS, 'tokens', r.tokens - tokens)
    correct_bucket(KEY_BUCKETS, 'tokens', r.tokens - tokens)
  end
  if images and images ~= r.images then
    correct_day('team', r.team_day, images - r.images)
    correct_day('key:' .. r.key_id, r.key_day, images - r.images)
  end
end

local function leave_queue(id)
  redis.call('ZREM', QUEUE, id)
  redis.call('HDEL', TICKETS, id)
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

local function find_hold(id)
  local text = redis.call('HGET', RESERVATIONS, id)
  return text and unpack_reservation(text) or nil
end

-- Take a hold off the books, if there is one.
local function close_hold(id)
  local r = find_hold(id)
  if not r then return end
  redis.call('HDEL', RESERVATIONS, id)
  redis.call('ZREM', HOLDS, id)
  hold_add(r.key_id, -r.cost, -r.images)
end

-- Write one ledger entry, its spend and its roll-ups; returns the spend of team and key behind it. e: kind, request,
-- outcome, key_id, model, cost, quote, delivered, usage {4 counts}, team_period, key_period, admitted, flags, note
local function write_entry(e)
  local u = e.usage
  redis.call('XADD', LEDGER, '*', 'kind', e.kind, 'request', e.request, 'outcome', e.outcome, 'key', e.key_id,
    'model', e.model, 'cost', int(e.cost), 'quote', int(e.quote), 'images', int(e.delivered),
    'text_input', int(u[1]), 'image_input', int(u[2]), 'text_output', int(u[3]), 'image_output', int(u[4]),
    'team_period', e.team_period, 'key_period', e.key_period, 'admitted_ms', int(e.admitted),
    'resolved_ms', int(now), 'flags', e.flags, 'note', e.note)
  local team_spent = redis.call('HINCRBY', SPEND, 'team:' .. e.team_period, int(e.cost))
  local key_spent = redis.call('HINCRBY', SPEND, 'key:' .. e.key_id .. ':' .. e.key_period, int(e.cost))
  local prefix = e.key_id .. '|' .. e.model .. '|'
  local sums = {requests = 1, cost = e.cost, images = e.delivered,
    text_input = u[1], image_input = u[2], text_output = u[3], image_output = u[4]}
  if e.kind == 'correction' then sums.requests, sums.unknown = 0, -1 end -- the expiry counted it as unknown
  sums[e.outcome] = (sums[e.outcome] or 0) + 1
  for measure, amount in pairs(sums) do
    if amount ~= 0 then redis.call('HINCRBY', USAGE, prefix .. measure, int(amount)) end
  end
  redis.call('PEXPIRE', USAGE, int(USAGE_MS))
  return team_spent, key_spent
end

-- What a retry of an SDK may claim, by request id: since ms|attended|told|retry counts it was claimed by (',1,2,').
-- Since: its admission, or when it was told. Attended: how many are connected who wait for it. Told: 1 the error it ended in
-- was told to somebody; 2 somebody was given its answer, or where to come for it, as far as we could see.
local MOST_CLAIMABLE = 1000 -- of one kind; a retry reads them all

local function pack_claimable(c)
  return int(c.since) .. '|' .. int(c.attended) .. '|' .. c.told .. '|' .. c.claims
end

local function unpack_claimable(text)
  local since, attended, told, claims = string.match(text, '^(%d+)|(%d+)|([012])|(.*)$')
  return {since = tonumber(since), attended = tonumber(attended), told = told, claims = claims}
end

-- Requests of this kind that wait in the queue, were refused, or failed at no cost and were told so: a retry of one of
-- those has bought nothing.
local REFUSED = 'refused' -- beside the request ids: last ms|how many

local function refused_lately()
  local last, number = string.match(redis.call('HGET', RETRIES, REFUSED) or '', '^(%d+)|(%d+)$')
  return last and now - tonumber(last) <= SOON_MS and tonumber(number) or 0
end

local function set_refused(number)
  if string.sub(RETRIES, -1) == ':' then return end -- of a request that is not to be known again
  if number > 0 then
    redis.call('HSET', RETRIES, REFUSED, int(now) .. '|' .. int(number))
    redis.call('PEXPIRE', RETRIES, int(redis.call('HLEN', RETRIES) > 1 and RETRY_MS or SOON_MS))
  else
    redis.call('HDEL', RETRIES, REFUSED)
  end
end

-- Whoever repeats the request buys it: it came to nothing.
local function forget_repeated(id)
  local first = redis.call('GET', IDEMPOTENCY)
  if first and string.sub(first, 1, #id + 1) == id .. '|' then redis.call('DEL', IDEMPOTENCY) end
  redis.call('HDEL', RETRIES, id)
end

-- The record of a request that has ended. e: outcome, again ('1': nothing can have been made, so it may run again),
-- attended ('1': its client was there), result, error, about, and what it was admitted with
local function end_request(id, e)
  redis.call('HSET', REQUEST, 'key', e.key_id, 'model', e.model, 'operation', e.operation, 'state', e.outcome,
    'admitted', int(e.admitted), 'quote', int(e.quote), 'resolved', int(now), 'cost', int(e.cost),
    'images', int(e.delivered), 'result', e.result, 'error', e.error, 'about', e.about, 'again', e.again)
  redis.call('PEXPIRE', REQUEST, int(REQUEST_MS))
  if e.again == '1' then
    forget_repeated(id)
    set_refused(refused_lately() + 1)
  elseif e.attended == '1' and (e.outcome == 'failed' or e.outcome == 'refused') then
    redis.call('HDEL', RETRIES, id)
    if e.outcome == 'failed' then set_refused(refused_lately() + 1) end -- no SDK repeats what was refused
  else
    local text = redis.call('HGET', RETRIES, id)
    local c = text and unpack_claimable(text)
    if c and e.attended == '1' then
      c.since, c.told = now, e.outcome == 'delivered' and '2' or '1'
      redis.call('HSET', RETRIES, id, pack_claimable(c))
    elseif c and c.claims == '' and c.attended > 0 then -- its departure was not noted
      c.attended = 0
      redis.call('HSET', RETRIES, id, pack_claimable(c))
    end
  end
end

-- Resolve holds whose process stopped renewing them: nobody knows what the upstream made of them, so they are charged
-- at the quote and marked unknown; a later settle or release corrects that by a new entry.
local function expire_overdue(limit)
  local overdue = redis.call('ZRANGEBYSCORE', HOLDS, '-inf', int(now), 'LIMIT', 0, limit)
  for _, id in ipairs(overdue) do
    local text = redis.call('HGET', RESERVATIONS, id)
    if text then
      local r = unpack_reservation(text)
      write_entry({kind = 'expire', request = id, outcome = 'unknown', key_id = r.key_id, model = r.model,
        cost = r.cost, quote = r.cost, delivered = 0, usage = {0, 0, 0, 0}, team_period = r.team_period,
        key_period = r.key_period, admitted = r.admitted, flags = 'at_quote', note = r.note})
      redis.call('HSET', EXPIRED, id, text)
      redis.call('PEXPIRE', EXPIRED, int(TOMBSTONE_MS))
      entomb(id)
      close_hold(id)
    else
      redis.call('ZREM', HOLDS, id)
    end
  end
  return #overdue
end
