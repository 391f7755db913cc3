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

if not USAGE then return {'clock', int(now)} end

local TICKET_MS = 5000 -- a ticket whose holder has not asked for so long is dead: ten times the longest pause

local id, key_id = ARGV[2], ARGV[3]
local cost, images, tokens = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local mode, longest_queue = ARGV[12], tonumber(ARGV[13])
local fingerprint, retry_count, is_named, attended = ARGV[15], ARGV[16], ARGV[17] == '1', ARGV[18]
local RATES = {'requests', 'images', 'tokens'} -- in order, so that of two equal refusals always the same is told
local amounts = {requests = 1, images = images, tokens = tokens}

local scopes, refusals, standings, place, earlier = {}, {}, {}, 0, ''

local function reply(verdict)
  local team, key = scopes[1] or {}, scopes[2] or {}
  return {verdict, int(now), team.period or '', key.period or '', team.day or '', key.day or '', int(place),
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
  scope.period, scope.period_ends = current(a + 6)
  scope.day, scope.day_ends = current(a + 11)
  if not scope.period or not scope.day then return {'clock', int(now)} end
  if scope.per_day < 0 then scope.day = '' end -- nobody counts it
  scopes[i + 1] = scope
end

local standing = redis.call('HGET', RESERVATIONS, id)
if standing then -- a repeated admit of a request that is held already
  local r = unpack_reservation(standing)
  scopes[1].period, scopes[2].period, scopes[1].day, scopes[2].day = r.team_period, r.key_period, r.team_day, r.key_day
  return reply('again')
end

local function refuse(reason, scope, retry, limit, available, resets)
  refusals[#refusals + 1] = {reason, scope.name, int(retry), int(limit), int(available), int(resets or 0)}
end

if is_resolved(id) then
  refuse('resolved', {name = ''}, -1, 0, 0)
  return reply('refused')
end

-- The same purchase under the same Idempotency-Key: whatever became of it, it is not made again.
local function find_repeated()
  local first = is_named and redis.call('GET', IDEMPOTENCY)
  if not first then return end
  local request, asked_for = string.match(first, '^([^|]*)|(.*)$')
  local asked = string.match(redis.call('HGET', TICKETS, request) or '', '^(%d+)|')
  local waits = asked and math.abs(now - tonumber(asked)) <= TICKET_MS
  local came_to_nothing = not waits and not find_hold(request) and not is_resolved(request) -- it died in the queue
  if request == id or came_to_nothing then return end
  earlier = request
  return asked_for == fingerprint and 'join' or 'mismatch'
end

-- A retry of an SDK claims one request of its kind that nobody has got: one whose client has gone before one that is still
-- waited for (a proxy can hide that its client has gone, and a dead gateway cannot tell), that before one whose answer left
-- for its client a moment ago (it may not have arrived), and that before one whose error was told; of equals the newest,
-- for it is hardly ever another's of long ago. Each is claimed once per retry count. Where no client has gone but some were
-- refused, it is one of those, and buys.
local GONE, WAITED_FOR, GIVEN, TOLD = 1, 2, 3, 4

local function is_long_over(request)
  return redis.call('HEXISTS', RESERVATIONS, request) == 0
    and now - tonumber(redis.call('ZSCORE', RESOLVED, request) or '0') > SOON_MS
end

local function rank_of(c)
  if c.told == '2' then return now - c.since <= GIVEN_MS and GIVEN or nil end
  return c.told == '1' and TOLD or c.attended > 0 and WAITED_FOR or GONE
end

local function claim_retried()
  if retry_count == '0' or is_named then return end
  local best, best_rank
  local found = redis.call('HGETALL', RETRIES)
  for i = 1, #found, 2 do
    local request = found[i]
    if request ~= REFUSED and is_long_over(request) then
      redis.call('HDEL', RETRIES, request)
    elseif request ~= REFUSED then
      local c = unpack_claimable(found[i + 1])
      local rank = not string.find(c.claims, ',' .. retry_count .. ',', 1, true) and rank_of(c)
      if rank and (not best or rank < best_rank or rank == best_rank and c.since > best.since) then
        earlier, best, best_rank = request, c, rank
      end
    end
  end
  local refused = best_rank ~= GONE and refused_lately() or 0
  if refused > 0 then set_refused(refused - 1) end
  if refused > 0 or not best then
    earlier = ''
    return
  end
  best.attended = best.attended + tonumber(attended)
  best.claims = (best.claims == '' and ',' or best.claims) .. retry_count .. ','
  redis.call('HSET', RETRIES, earlier, pack_claimable(best))
  return 'join'
end

-- One that has a place in the queue is on its way to a purchase of its own.
if mode ~= 'quote' and not redis.call('ZSCORE', QUEUE, id) then
  local verdict = find_repeated() or claim_retried()
  if verdict then return reply(verdict) end
end

expire_overdue(100)

local function tell(what, scope, limit, remaining, reset)
  standings[#standings + 1] = {what, scope.name, int(limit), int(math.floor(remaining)), int(math.ceil(reset))}
end

-- read all, check all

local lacks_slot = {} -- by scope: what a ticket in the queue waits for
for _, scope in ipairs(scopes) do
  for _, what in ipairs(RATES) do
    local limit, amount = scope[what], amounts[what]
    if limit >= 0 then
      local have = bucket_level(scope.buckets, what, limit)
      scope.levels[what] = have
      if limit == 0 then refuse('blocked', scope, -1, 0, 0)
      elseif amount > limit then refuse('too_many_' .. what, scope, -1, limit, have)
      elseif have < amount then
        refuse(what .. '_per_minute', scope, math.ceil((amount - have) * 60000 / limit), limit, have)
      end
    end
  end
  if scope.per_day >= 0 then
    scope.today = day_count(scope.name, scope.day)
    if scope.per_day == 0 then refuse('blocked', scope, -1, 0, 0)
    elseif images > scope.per_day then refuse('too_many_images_per_day', scope, -1, scope.per_day, 0)
    elseif scope.today + images > scope.per_day then
      refuse('images_per_day', scope, scope.day_ends - now, scope.per_day, scope.per_day - scope.today, scope.day_ends)
    end
  end
  if scope.budget >= 0 then
    scope.spent = tonumber(redis.call('HGET', SPEND, scope.name .. ':' .. scope.period) or '0')
    scope.held = tonumber(redis.call('HGET', HELD, scope.name .. ':cost') or '0')
    if scope.budget == 0 then refuse('blocked', scope, -1, 0, 0)
    elseif scope.spent + scope.held + cost > scope.budget then
      refuse('budget', scope, -1, scope.budget, scope.budget - scope.spent - scope.held, scope.period_ends)
    end
  end
  if scope.concurrent >= 0 then
    scope.busy = tonumber(redis.call('HGET', HELD, scope.name .. ':images') or '0')
    if scope.concurrent == 0 then refuse('blocked', scope, -1, 0, 0)
    elseif images > scope.concurrent then refuse('too_many_concurrent_images', scope, -1, scope.concurrent, 0)
    elseif scope.busy + images > scope.concurrent then lacks_slot[scope.name] = scope
    end
  end
end

-- First come, first served: whoever was here before and waits for a slot that this request would take goes first. A
-- request that waits for a slot of its key holds up nobody but that key.
local tickets, in_queue = redis.call('ZRANGE', QUEUE, 0, -1), false
for _, ticket in ipairs(tickets) do
  if ticket == id then in_queue = true end
  local asked, waits_for = string.match(redis.call('HGET', TICKETS, ticket) or '', '^(%d+)|(.*)$')
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
    'admitted', int(now), 'quote', int(cost), 'retries', string.match(RETRIES, '[^:]*$'))
  redis.call('PEXPIRE', REQUEST, int(REQUEST_MS))
  redis.call('ZADD', RECENT, int(now), id)
  redis.call('ZREMRANGEBYRANK', RECENT, 0, -MOST_RECENT - 1)
  redis.call('PEXPIRE', RECENT, int(REQUEST_MS))
  if is_named then redis.call('SET', IDEMPOTENCY, id .. '|' .. fingerprint, 'PX', int(REQUEST_MS)) end
end

local function make_claimable()
  if is_named then return end
  -- The forgotten ones of a prompt that is asked for all the time: some looked at for each one that comes.
  for _, request in ipairs(redis.call('HRANDFIELD', RETRIES, 3)) do
    if request ~= REFUSED and is_long_over(request) then redis.call('HDEL', RETRIES, request) end
  end
  if redis.call('HLEN', RETRIES) < MOST_CLAIMABLE then
    local told = attended == '1' and '0' or '2' -- who comes later is told where, now
    redis.call('HSET', RETRIES, id, pack_claimable({since = now, attended = attended, told = told, claims = ''}))
  end
  redis.call('PEXPIRE', RETRIES, int(RETRY_MS))
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
    redis.call('HSET', TICKETS, id, int(now) .. '|' .. waits_for)
    redis.call('PEXPIRE', QUEUE, BUCKET_MS)
    redis.call('PEXPIRE', TICKETS, BUCKET_MS)
    if not in_queue then
      note_request('waiting')
      set_refused(refused_lately() + 1) -- should it hang up: its retry may come before anybody has noticed
    end
  elseif in_queue then
    leave_queue(id)
    set_refused(math.max(0, refused_lately() - 1))
    if not admitted then
      end_request(id, {outcome = 'failed', again = '1', attended = attended, key_id = key_id, model = ARGV[10],
        operation = ARGV[14], admitted = now, quote = cost, cost = 0, delivered = 0, result = '', error = '', about = ''})
    end
  elseif not admitted and will_be_retried() then
    set_refused(refused_lately() + 1)
  end
  if admitted then
    for _, scope in ipairs(scopes) do
      for _, what in ipairs(RATES) do
        if scope.levels[what] then
          scope.levels[what] = scope.levels[what] - amounts[what]
          set_bucket(scope.buckets, what, scope.levels[what])
        end
      end
      if scope.today then
        scope.today = scope.today + images
        set_day(scope.name, scope.day, scope.today)
      end
      if scope.held then scope.held = scope.held + cost end
      if scope.busy then scope.busy = scope.busy + images end
    end
    hold_add(key_id, cost, images)
    redis.call('ZADD', HOLDS, int(now + LEASE_MS), id)
    redis.call('HSET', RESERVATIONS, id, pack_reservation({cost = cost, images = images, tokens = tokens,
      key_id = key_id, team_period = scopes[1].period, key_period = scopes[2].period, team_day = scopes[1].day,
      key_day = scopes[2].day, admitted = now, model = ARGV[10], note = ARGV[11]}))
    note_request('in_progress')
    make_claimable()
  end
end

for _, scope in ipairs(scopes) do
  for _, what in ipairs(RATES) do
    local limit, have = scope[what], scope.levels[what]
    if have then tell(what, scope, limit, have, limit > 0 and (limit - have) * 60000 / limit or 0) end
  end
  if scope.busy then tell('concurrent_images', scope, scope.concurrent, scope.concurrent - scope.busy, 0) end
  if scope.today then tell('images_per_day', scope, scope.per_day, scope.per_day - scope.today, scope.day_ends - now) end
  if scope.held then
    tell('budget', scope, scope.budget, scope.budget - scope.spent - scope.held, scope.period_ends - now)
  end
end
return reply(queued and 'queued' or admitted and 'admitted' or 'refused')
