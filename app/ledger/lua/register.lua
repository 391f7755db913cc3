-- register.lua: what is known of a request beside the money: its record, its place in the queue, and what a retry of it
-- may claim. A part (behind books.lua).
--
-- ARGV   none of its own (books.lua)
-- Reply  none: it defines functions for the script behind it

local TICKET_MS = 5000 -- a ticket whose holder has not asked for so long is dead: ten times the longest pause

local function leave_queue(id)
  redis.call('ZREM', QUEUE, id)
  redis.call('HDEL', TICKETS, id)
end

-- What a retry of an SDK may claim, by request id: since ms|attended|told|retry counts it was claimed by (',1,2,').
-- Since: its admission, or when it was told. Attended: how many are connected who wait for it. Told: 1 the error it ended in
-- was told to somebody; 2 somebody was given its answer, or where to come for it, as far as we could see. All are texts.
local function pack_claimable(c)
  return c.since .. '|' .. c.attended .. '|' .. c.told .. '|' .. c.claims
end

local function unpack_claimable(text)
  local since, attended, told, claims = string.match(text, '^(%d+)|(%d+)|([012])|(.*)$')
  return {since = since, attended = attended, told = told, claims = claims}
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
    redis.call('HSET', RETRIES, REFUSED, now_text .. '|' .. int(number))
    redis.call('PEXPIRE', RETRIES, redis.call('HLEN', RETRIES) > 1 and RETRY_LIFE or SOON_LIFE)
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
-- attended ('1': its client was there), result, error, about, and what it was admitted with; its numbers are texts
local function end_request(id, e)
  redis.call('HSET', REQUEST, 'key', e.key_id, 'model', e.model, 'operation', e.operation, 'state', e.outcome,
    'admitted', e.admitted, 'quote', e.quote, 'resolved', now_text, 'cost', e.cost,
    'images', e.delivered, 'result', e.result, 'error', e.error, 'about', e.about, 'again', e.again)
  redis.call('PEXPIRE', REQUEST, REQUEST_LIFE)
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
      c.since, c.told = now_text, e.outcome == 'delivered' and '2' or '1'
      redis.call('HSET', RETRIES, id, pack_claimable(c))
    elseif c and c.claims == '' and c.attended ~= '0' then -- its departure was not noted
      c.attended = '0'
      redis.call('HSET', RETRIES, id, pack_claimable(c))
    end
  end
end
