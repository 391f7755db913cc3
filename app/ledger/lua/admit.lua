-- admit.lua: every limit and budget of key and team, all or nothing; reserves on success.
--
-- ARGV   1 hour          (books.lua)
--        2 request id    the reservation's id; admitting the same id twice is one admission
--        3 key id   4 team version   5 key version   6 key expiry (server ms, 0 = never)
--        7 quoted cost (nano-dollars)   8 images   9 model   10 note (JSON)
--        then for team and for key, ten each:
--          requests per minute, images per minute, concurrent images, budget (nano-dollars); -1 = no such limit
--          period id, its start ms, its end ms, next period id, its end ms; name of the scope
-- Reply  {verdict, reason, scope, retry after ms (-1 = waiting does not help), now ms,
--         requests: limit, remaining, reset ms, images: limit, remaining, reset ms   (limit -1 = none)
--         team period, key period, a number that explains the refusal (limit), and another (available)}
--        verdict: admitted | refused | stale; or {'clock', now ms}: the caller's idea of the time does not fit
-- Keeps  spent + held <= budget for team and key after every admission, whatever runs beside it

if not USAGE then return {'clock', int(now)} end

local id, key_id = ARGV[2], ARGV[3]
local cost, images = tonumber(ARGV[7]), tonumber(ARGV[8])
local RATES = {'requests', 'images'} -- in order, so that of two equal refusals always the same is told
local amounts = {requests = 1, images = images}

local function reply(verdict, reason, scope, retry, rate, periods, limit, available)
  rate = rate or {-1, -1, 0, -1, -1, 0}
  return {verdict, reason, scope, int(retry), int(now), int(rate[1]), int(rate[2]), int(rate[3]), int(rate[4]),
    int(rate[5]), int(rate[6]), periods[1], periods[2], int(limit or -1), int(available or -1)}
end

-- The record behind the caller's cached principal changed, or the key ran out: authenticate again.
if redis.call('HGET', TEAM, 'version') ~= ARGV[4] or redis.call('HGET', KEY, 'version') ~= ARGV[5]
  or (ARGV[6] ~= '0' and now >= tonumber(ARGV[6])) then
  return reply('stale', '', '', -1, nil, {'', ''})
end

local scopes = {}
for i = 0, 1 do
  local a = 11 + i * 10
  local scope = {
    name = ARGV[a + 9], buckets = i == 0 and TEAM_BUCKETS or KEY_BUCKETS,
    requests = tonumber(ARGV[a]), images = tonumber(ARGV[a + 1]), concurrent = tonumber(ARGV[a + 2]),
    budget = tonumber(ARGV[a + 3]), period = ARGV[a + 4], ends = tonumber(ARGV[a + 6])}
  if now < tonumber(ARGV[a + 5]) then return {'clock', int(now)} end
  if now >= scope.ends then
    scope.period, scope.ends = ARGV[a + 7], tonumber(ARGV[a + 8])
    if now >= scope.ends then return {'clock', int(now)} end
  end
  scopes[i + 1] = scope
end
local periods = {scopes[1].period, scopes[2].period}

local standing = redis.call('HGET', RESERVATIONS, id)
if standing then -- a repeated admit of a request that is held already
  local r = unpack_reservation(standing)
  return reply('admitted', 'again', '', 0, nil, {r.team_period, r.key_period})
end
if is_resolved(id) then return reply('refused', 'resolved', '', -1, nil, periods) end

expire_overdue(100)

-- A token bucket: as deep as its limit per minute, refilled evenly, fractions kept; a clock that steps back adds nothing.
local function level(buckets, name, limit)
  local values = redis.call('HMGET', buckets, name, name .. ':at')
  if not values[1] then return limit end
  local gained = math.max(0, now - tonumber(values[2])) * limit / 60000
  return math.min(limit, tonumber(values[1]) + gained)
end

local refusals = {}
local function refuse(reason, scope, retry, limit, available)
  refusals[#refusals + 1] = {reason = reason, scope = scope.name, retry = retry, limit = limit, available = available}
end

-- requests, images: the tightest of team and key, for the x-ratelimit headers
local tightest = {requests = nil, images = nil}
local function note_rate(what, limit, remaining)
  local reset = limit > 0 and math.ceil((limit - remaining) * 60000 / limit) or 0
  local t = tightest[what]
  if not t or remaining < t.remaining then
    tightest[what] = {limit = limit, remaining = remaining, reset = reset}
  end
end

for _, scope in ipairs(scopes) do
  scope.levels = {}
  for _, what in ipairs(RATES) do
    local limit, amount = scope[what], amounts[what]
    if limit >= 0 then
      local have = level(scope.buckets, what, limit)
      scope.levels[what] = have
      if limit == 0 then refuse('blocked', scope, -1, 0, 0)
      elseif amount > limit then refuse('too_many_' .. what, scope, -1, limit, have)
      elseif have < amount then
        refuse(what .. '_per_minute', scope, math.ceil((amount - have) * 60000 / limit), limit, have)
      end
    end
  end
  if scope.concurrent >= 0 then
    local busy = tonumber(redis.call('HGET', HELD, scope.name .. ':images') or '0')
    if scope.concurrent == 0 then refuse('blocked', scope, -1, 0, 0)
    elseif images > scope.concurrent then refuse('too_many_concurrent_images', scope, -1, scope.concurrent, 0)
    elseif busy + images > scope.concurrent then
      refuse('concurrent_images', scope, 1000, scope.concurrent, scope.concurrent - busy)
    end
  end
  if scope.budget >= 0 then
    local spent = tonumber(redis.call('HGET', SPEND, scope.name .. ':' .. scope.period) or '0')
    local held = tonumber(redis.call('HGET', HELD, scope.name .. ':cost') or '0')
    if spent + held + cost > scope.budget then
      refuse('budget', scope, -1, scope.budget, scope.budget - spent - held)
    end
  end
end

if #refusals > 0 then
  for _, scope in ipairs(scopes) do
    for _, what in ipairs(RATES) do
      if scope.levels[what] then note_rate(what, scope[what], scope.levels[what]) end
    end
  end
else
  for _, scope in ipairs(scopes) do
    for _, what in ipairs(RATES) do
      local have, amount = scope.levels[what], amounts[what]
      if have then
        redis.call('HSET', scope.buckets, what, string.format('%.17g', have - amount), what .. ':at', int(now))
        redis.call('PEXPIRE', scope.buckets, 120000)
        note_rate(what, scope[what], have - amount)
      end
    end
  end
  hold_add(key_id, cost, images)
  redis.call('ZADD', HOLDS, int(now + LEASE_MS), id)
  redis.call('HSET', RESERVATIONS, id, pack_reservation({cost = cost, images = images, key_id = key_id,
    team_period = periods[1], key_period = periods[2], admitted = now, model = ARGV[9], note = ARGV[10]}))
end

local r, i = tightest.requests, tightest.images
local rate = {r and r.limit or -1, r and math.floor(r.remaining) or -1, r and r.reset or 0,
  i and i.limit or -1, i and math.floor(i.remaining) or -1, i and i.reset or 0}
if #refusals == 0 then return reply('admitted', '', '', 0, rate, periods) end

-- Of several refusals the one is told that waiting heals last: never (-1) before the longest wait.
local told = refusals[1]
for _, refusal in ipairs(refusals) do
  if told.retry >= 0 and (refusal.retry < 0 or refusal.retry > told.retry) then told = refusal end
end
return reply('refused', told.reason, told.scope, told.retry, rate, periods, told.limit, told.available)
