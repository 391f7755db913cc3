-- admit.lua: every limit and budget of key and team, all or nothing; reserves on success, gives a place in the queue, or
-- names the earlier request that is the same purchase.
--
-- ARGV   1 hour          (books.lua)
--        2 request id    the reservation's id; admitting the same id twice is one admission
--        3 key id   4 team version   5 key version   6 key expiry (server ms, 0 = never)
--        7 quoted cost (nano-dollars)   8 images   9 quoted tokens   10 model   11 note (JSON)
--        12 mode         admit | wait (a request that only lacks a slot may queue) | quote (decide, and set nothing aside)
--        13 longest queue of the team
--        14 operation   15 fingerprint   16 which retry of an SDK it is (0 = none, or not to be joined)
--        17 whether it has an Idempotency-Key (0, 1)   18 whether its client waits for it (0, 1)
--        then for team and for key, seventeen each:
--          requests, images, tokens per minute, concurrent images, images per day, budget (nano-dollars); -1 = no limit
--          budget period: id, start ms, end ms, next id, its end ms; day: the same five; name of the scope
-- Reply  {verdict, now ms, team period, key period, team day, key day, place in the queue, refusals, standings,
--        earlier request} or {'clock', now ms}: the caller's idea of the time does not fit
--        verdict   admitted | again (held already) | refused | queued | stale | join (the earlier request is the same
--                  purchase) | mismatch (its Idempotency-Key stands for another one)
--        refusals  {reason, scope, retry after ms (-1 = waiting does not help), limit, available, resets ms (0 = never)}
--        standings {what, scope, limit, remaining, reset ms from now}, for every limit there is, after this decision
-- Keeps  spent + held <= budget for team and key after every admission, whatever runs beside it

if not USAGE then return {'clock', now_text} end

local MOST_RECENT = 100 -- of a key, for whoever lists them

local id, key_id = ARGV[2], ARGV[3]
local cost, images, tokens = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local mode, longest_queue = ARGV[12], tonumber(ARGV[13])
local fingerprint, retry_count, is_named, attended = ARGV[15], ARGV[16], ARGV[17] == '1', ARGV[18]
local RATES = {'requests', 'images', 'tokens'} -- in order, so that of two equal refusals always the same is told
local amounts = {requests = 1, images = images, tokens = tokens}

local scopes, refusals, standings, place, earlier = {}, {}, {}, 0, ''

local function reply(verdict)
  local team, key = scopes[1] or {}, scopes[2] or {}
  return {verdict, now_text, team.period or '', key.period or '', team.day or '', key.day or '', place,
    refusals, standings, earlier}
end

-- The record behind the caller's cached principal changed, or the key ran out: authenticate again.
if redis.call('HGET', TEAM, 'version') ~= ARGV[4] or redis.call('HGET', KEY, 'version') ~= ARGV[5]
  or (ARGV[6] ~= '0' and now >= tonumber(ARGV[6])) then
  return reply('stale')
end

-- The current or the next of a window's two periods, by the server's clock; nil when it is neither.
local function current(a)
  if now < tonumber(ARGV[a + 1]) then return nil end
  if now < tonumber(ARGV[a + 2]) then return ARGV[a], tonumber(ARGV[a + 2]) end
  if now < tonumber(ARGV[a + 4]) then return ARGV[a + 3], tonumber(ARGV[a + 4]) end
end

for i = 0, 1 do
  local a = 19 + i * 17
  local scope = {
    name = ARGV[a + 16], buckets = i == 0 and TEAM_BUCKETS or KEY_BUCKETS, levels = {},
    requests = tonumber(ARGV[a]), images = tonumber(ARGV[a + 1]), tokens = tonumber(ARGV[a + 2]),
    concurrent = tonumber(ARGV[a + 3]), per_day = tonumber(ARGV[a + 4]), budget = tonumber(ARGV[a + 5])}
  scope.has_rates = scope.requests >= 0 or scope.images >= 0 or scope.tokens >= 0
  scope.period, scope.period_ends = current(a + 6)
  scope.day = ''
  if scope.per_day >= 0 then scope.day, scope.day_ends = current(a + 11) end -- or nobody counts it
  if not scope.period or not scope.day then return {'clock', now_text} end
  scopes[i + 1] = scope
end
local team, key = scopes[1], scopes[2]

local standing = redis.call('HGET', RESERVATIONS, id)
if standing then -- a repeated admit of a request that is held already
  local r = unpack_reservation(standing)
  team.period, key.period, team.day, key.day = r.team_period, r.key_period, r.team_day, r.key_day
  return reply('again')
end

local function refuse(reason, scope, retry, limit, available, resets)
  refusals[#refusals + 1] = {reason, scope.name, int(retry), int(limit), int(available), int(resets or 0)}
end

if is_resolved(id) then
  refuse('resolved', {name = ''}, -1, 0, 0)
  return reply('refused')
end

-- The same purchase as an earlier one, unless it has a place in the queue: then it is on its way to one of its own.
local tickets, has_place = redis.call('ZRANGE', QUEUE, 0, -1), false
for _, ticket in ipairs(tickets) do has_place = has_place or ticket == id end
if mode ~= 'quote' and not has_place then
  local verdict, request
  if is_named then
    verdict, request = find_repeated(id, fingerprint)
  elseif retry_count ~= '0' then
    verdict, request = claim_retried(retry_count, attended)
  end
  if verdict then
    earlier = request
    return reply(verdict)
  end
end

expire_overdue(100)

-- read all, check all

-- What the limits are held against, in one read of each hash that some limit needs.
local has_budget = team.budget >= 0 or key.budget >= 0
if has_budget then
  local spent = redis.call('HMGET', SPEND, 'team:' .. team.period, key.name .. ':' .. key.period)
  team.spent, key.spent = tonumber(spent[1] or '0'), tonumber(spent[2] or '0')
end
if has_budget or team.concurrent >= 0 or key.concurrent >= 0 then
  local held = redis.call('HMGET', HELD, 'team:cost', 'team:images', key.name .. ':cost', key.name .. ':images')
  team.held, team.busy = tonumber(held[1] or '0'), tonumber(held[2] or '0')
  key.held, key.busy = tonumber(held[3] or '0'), tonumber(held[4] or '0')
end
if team.per_day >= 0 or key.per_day >= 0 then -- counted at admission, corrected when it is known how many there were
  local days = redis.call('HMGET', DAYS, 'team:day', 'team:images', key.name .. ':day', key.name .. ':images')
  team.today = days[1] == team.day and tonumber(days[2]) or 0
  key.today = days[3] == key.day and tonumber(days[4]) or 0
end

-- A token bucket: as deep as its limit per minute, refilled evenly, fractions kept; a clock that steps back adds
-- nothing.
local function bucket_level(scope, what, level, at)
  local limit = scope[what]
  if not level then return limit end
  if tonumber(at) > now then -- or it would not fill again until the clock is where it was
    redis.call('HSET', scope.buckets, what .. ':at', now_text)
  end
  local gained = math.max(0, now - at) * limit / 60000
  return math.min(limit, level + gained)
end

local lacks_slot = {} -- by scope: what a ticket in the queue waits for
for _, scope in ipairs(scopes) do
  if scope.has_rates then
    local kept = redis.call('HMGET', scope.buckets, 'requests', 'requests:at', 'images', 'images:at',
      'tokens', 'tokens:at') -- in the order of RATES
    for i, what in ipairs(RATES) do
      local limit, amount = scope[what], amounts[what]
      if limit >= 0 then
        local have = bucket_level(scope, what, kept[2 * i - 1], kept[2 * i])
        scope.levels[what] = have
        if limit == 0 then refuse('blocked', scope, -1, 0, 0)
        elseif amount > limit then refuse('too_many_' .. what, scope, -1, limit, have)
        elseif have < amount then
          refuse(what .. '_per_minute', scope, math.ceil((amount - have) * 60000 / limit), limit, have)
        end
      end
    end
  end
  if scope.per_day >= 0 then
    if scope.per_day == 0 then refuse('blocked', scope, -1, 0, 0)
    elseif images > scope.per_day then refuse('too_many_images_per_day', scope, -1, scope.per_day, 0)
    elseif scope.today + images > scope.per_day then
      refuse('images_per_day', scope, scope.day_ends - now, scope.per_day, scope.per_day - scope.today, scope.day_ends)
    end
  end
  if scope.budget >= 0 then
    if scope.budget == 0 then refuse('blocked', scope, -1, 0, 0)
    elseif scope.spent + scope.held + cost > scope.budget then
      refuse('budget', scope, -1, scope.budget, scope.budget - scope.spent - scope.held, scope.period_ends)
    end
  end
  if scope.concurrent >= 0 then
    if scope.concurrent == 0 then refuse('blocked', scope, -1, 0, 0)
    elseif images > scope.concurrent then refuse('too_many_concurrent_images', scope, -1, scope.concurrent, 0)
    elseif scope.busy + images > scope.concurrent then lacks_slot[scope.name] = scope
    end
  end
end

-- First come, first served: whoever was here before and waits for a slot that this request would take goes first. A
-- request that waits for a slot of its key holds up nobody but that key.
local in_queue = false
local ticket_notes = #tickets > 0 and -- not many more than the longest queue: the dead ones of it are cleared here
  redis.call('HMGET', TICKETS, unpack(tickets))
for i, ticket in ipairs(tickets) do
  if ticket == id then in_queue = true end
  local asked, waits_for = string.match(ticket_notes[i] or '', '^(%d+)|(.*)$')
  if not asked or math.abs(now - tonumber(asked)) > TICKET_MS then -- also from a clock that has been set back
    if mode ~= 'quote' then leave_queue(ticket) end
    if ticket == id then in_queue = false end
  elseif not in_queue then
    place = place + 1
    for _, scope in ipairs(scopes) do
      if scope.concurrent >= 0 and string.find(waits_for, '[' .. scope.name .. ']', 1, true) then
        lacks_slot[scope.name] = scope
      end
    end
  end
end

local queued = false
if next(lacks_slot) then
  if mode == 'wait' and #refusals == 0 and (in_queue or place < longest_queue) then
    queued = true
  else
    for _, scope in ipairs(scopes) do
      if lacks_slot[scope.name] then
        refuse('concurrent_images', scope, 1000, scope.concurrent, math.max(0, scope.concurrent - scope.busy))
      end
    end
  end
end

-- write all

-- What is known of it from now on, in the queue or under way.
local function note_request(state)
  redis.call('HSET', REQUEST, 'key', key_id, 'model', ARGV[10], 'operation', ARGV[14], 'state', state,
    'admitted', now_text, 'quote', ARGV[7], 'retries', string.match(RETRIES, '.*:(.*)'))
  redis.call('PEXPIRE', REQUEST, REQUEST_LIFE)
  redis.call('ZADD', RECENT, now_text, id)
  redis.call('ZREMRANGEBYRANK', RECENT, 0, -MOST_RECENT - 1)
  redis.call('PEXPIRE', RECENT, REQUEST_LIFE)
  if is_named then redis.call('SET', IDEMPOTENCY, id .. '|' .. fingerprint, 'PX', REQUEST_LIFE) end
end

-- Whether an SDK tries it again: not where waiting does not help, or takes too long.
local function will_be_retried()
  for _, refusal in ipairs(refusals) do
    local retry_ms = tonumber(refusal[3])
    if retry_ms < 0 or retry_ms > SOON_MS then return false end
  end
  return true
end

local admitted = #refusals == 0 and not queued
if mode ~= 'quote' then
  if queued then
    if not in_queue then
      local last = redis.call('ZRANGE', QUEUE, -1, -1, 'WITHSCORES')
      redis.call('ZADD', QUEUE, int(math.max(now, tonumber(last[2] or '0') + 1)), id)
    end
    local waits_for = ''
    for name in pairs(lacks_slot) do waits_for = waits_for .. '[' .. name .. ']' end
    redis.call('HSET', TICKETS, id, now_text .. '|' .. waits_for)
    redis.call('PEXPIRE', QUEUE, BUCKET_LIFE)
    redis.call('PEXPIRE', TICKETS, BUCKET_LIFE)
    if not in_queue then
      note_request('waiting')
      set_refused(refused_lately() + 1) -- should it hang up: its retry may come before anybody has noticed
    end
  elseif in_queue then
    leave_queue(id)
    set_refused(math.max(0, refused_lately() - 1))
    if not admitted then
      end_request(id, {outcome = 'failed', again = '1', attended = attended, key_id = key_id, model = ARGV[10],
        operation = ARGV[14], admitted = now_text, quote = ARGV[7], cost = '0', delivered = '0', result = '', error = '',
        about = ''})
    end
  elseif not admitted and will_be_retried() then
    set_refused(refused_lately() + 1)
  end
  if admitted then
    local counted = {} -- fields and values of days
    for _, scope in ipairs(scopes) do
      if scope.has_rates then
        local filled = {} -- fields and values of its buckets
        for what, level in pairs(scope.levels) do
          local n = #filled
          scope.levels[what] = level - amounts[what]
          filled[n + 1], filled[n + 2] = what, string.format('%.17g', scope.levels[what])
          filled[n + 3], filled[n + 4] = what .. ':at', now_text
        end
        redis.call('HSET', scope.buckets, unpack(filled))
        redis.call('PEXPIRE', scope.buckets, BUCKET_LIFE)
      end
      if scope.per_day >= 0 then
        local n = #counted
        scope.today = scope.today + images
        counted[n + 1], counted[n + 2] = scope.name .. ':day', scope.day
        counted[n + 3], counted[n + 4] = scope.name .. ':images', int(scope.today)
      end
      if scope.budget >= 0 then scope.held = scope.held + cost end
      if scope.concurrent >= 0 then scope.busy = scope.busy + images end
    end
    if #counted > 0 then redis.call('HSET', DAYS, unpack(counted)) end
    change_held(key_id, ARGV[7], ARGV[8])
    redis.call('ZADD', HOLDS, int(now + LEASE_MS), id)
    redis.call('HSET', RESERVATIONS, id, pack_reservation({cost = ARGV[7], images = ARGV[8], tokens = ARGV[9],
      key_id = key_id, team_period = team.period, key_period = key.period, team_day = team.day, key_day = key.day,
      admitted = now_text, model = ARGV[10], note = ARGV[11]}))
    note_request('in_progress')
    if not is_named then make_claimable(id, attended) end
  end
end

local function tell(what, scope, limit, remaining, reset)
  standings[#standings + 1] = {what, scope.name, limit, math.floor(remaining), math.ceil(reset)}
end

for _, scope in ipairs(scopes) do
  for _, what in ipairs(RATES) do
    local limit, have = scope[what], scope.levels[what]
    if have then tell(what, scope, limit, have, limit > 0 and (limit - have) * 60000 / limit or 0) end
  end
  if scope.concurrent >= 0 then
    tell('concurrent_images', scope, scope.concurrent, scope.concurrent - scope.busy, 0)
  end
  if scope.per_day >= 0 then
    tell('images_per_day', scope, scope.per_day, scope.per_day - scope.today, scope.day_ends - now)
  end
  if scope.budget >= 0 then
    tell('budget', scope, scope.budget, scope.budget - scope.spent - scope.held, scope.period_ends - now)
  end
end
return reply(queued and 'queued' or admitted and 'admitted' or 'refused')
