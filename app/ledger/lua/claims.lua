-- claims.lua: of which earlier request a request is the repetition. A part (behind books.lua and register.lua).
--
-- ARGV   none of its own (books.lua)
-- Reply  none: it defines functions for the script behind it

local MOST_CLAIMABLE = 1000 -- of one kind; a retry reads them all
local GIVEN_MS = 30 * 1000  -- how long an answer can be on its way to a client that will not get it

-- The same purchase under the same Idempotency-Key: whatever became of it, it is not made again. Returns join or
-- mismatch, and the earlier request; nothing where there is none.
local function find_repeated(id, fingerprint)
  local first = redis.call('GET', IDEMPOTENCY)
  if not first then return end
  local request, asked_for = string.match(first, '^([^|]*)|(.*)$')
  local asked = string.match(redis.call('HGET', TICKETS, request) or '', '^(%d+)|')
  local waits = asked and math.abs(now - tonumber(asked)) <= TICKET_MS
  local came_to_nothing = not waits and not find_hold(request) and not is_resolved(request) -- it died in the queue
  if request == id or came_to_nothing then return end
  return asked_for == fingerprint and 'join' or 'mismatch', request
end

local function is_long_over(request)
  return redis.call('HEXISTS', RESERVATIONS, request) == 0
    and now - tonumber(redis.call('ZSCORE', RESOLVED, request) or '0') > SOON_MS
end

-- A retry of an SDK claims one request of its kind that nobody has got: one whose client has gone before one that is
-- still waited for (a proxy can hide that its client has gone, and a dead gateway cannot tell), that before one whose
-- answer left for its client a moment ago (it may not have arrived), and that before one whose error was told; of equals
-- the newest, for it is hardly ever another's of long ago. Each is claimed once per retry count. Where no client has
-- gone but some were refused, it is one of those, and buys. Returns join and the request; nothing where there is none.
local function claim_retried(retry_count, attended)
  local GONE, WAITED_FOR, GIVEN, TOLD = 1, 2, 3, 4

  local function rank_of(c)
    if string.find(c.claims, ',' .. retry_count .. ',', 1, true) then return nil end
    if c.told == '2' then return now - c.since <= GIVEN_MS and GIVEN or nil end
    return c.told == '1' and TOLD or c.attended ~= '0' and WAITED_FOR or GONE
  end

  local earlier, best, best_rank, best_since
  local found = redis.call('HGETALL', RETRIES)
  for i = 1, #found, 2 do
    local request, c = found[i], found[i] ~= REFUSED and unpack_claimable(found[i + 1])
    local rank = c and rank_of(c)
    local since = rank and tonumber(c.since)
    if rank and (not best or rank < best_rank or rank == best_rank and since > best_since) then
      if is_long_over(request) then -- asked only of those that may be the one: there may be hundreds
        redis.call('HDEL', RETRIES, request)
      else
        earlier, best, best_rank, best_since = request, c, rank, since
      end
    end
  end
  local refused = best_rank ~= GONE and refused_lately() or 0
  if refused > 0 then set_refused(refused - 1) end
  if refused > 0 or not best then return end
  best.attended = int(best.attended + attended)
  best.claims = (best.claims == '' and ',' or best.claims) .. retry_count .. ','
  redis.call('HSET', RETRIES, earlier, pack_claimable(best))
  return 'join', earlier
end

-- A request that was just admitted, for its retries to find.
local function make_claimable(id, attended)
  local known = redis.call('HLEN', RETRIES)
  if known > 0 then -- forgotten ones of a prompt that is asked for all the time: some looked at for each one that comes
    for _, request in ipairs(redis.call('HRANDFIELD', RETRIES, 3)) do
      if request ~= REFUSED and is_long_over(request) then known = known - redis.call('HDEL', RETRIES, request) end
    end
  end
  if known < MOST_CLAIMABLE then
    local told = attended == '1' and '0' or '2' -- who comes later is told where, now
    redis.call('HSET', RETRIES, id, pack_claimable({since = now_text, attended = attended, told = told, claims = ''}))
  end
  redis.call('PEXPIRE', RETRIES, RETRY_LIFE)
end
