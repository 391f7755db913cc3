-- entries.lua: how a hold ends: its ledger entry, its tombstone, and off the books. A part (behind books.lua).
--
-- ARGV   none of its own (books.lua)
-- Reply  none: it defines functions for the script behind it

local TRIM_AT_ONCE = 20 -- tombstones removed per resolution: more than one comes in, so it converges
local NO_USAGE = {'0', '0', '0', '0'}

-- Leave a tombstone, and clear a few old ones away so that they never pile up.
local function entomb(id)
  redis.call('ZADD', RESOLVED, now_text, id)
  local old = redis.call('ZRANGEBYSCORE', RESOLVED, '-inf', int(now - TOMBSTONE_MS), 'LIMIT', '0', TRIM_AT_ONCE)
  if #old > 0 then
    redis.call('ZREM', RESOLVED, unpack(old))
    redis.call('HDEL', EXPIRED, unpack(old))
  end
  redis.call('PEXPIRE', RESOLVED, TOMBSTONE_LIFE)
end

-- Take a hold off the books.
local function close_hold(id, r)
  redis.call('HDEL', RESERVATIONS, id)
  redis.call('ZREM', HOLDS, id)
  change_held(r.key_id, int(-r.cost), int(-r.images))
end

-- Write one ledger entry, its spend and its roll-ups; returns the spend of team and key behind it. e: kind, request,
-- outcome, key_id, model, cost, quote, delivered, usage {4 counts}, team_period, key_period, admitted, flags, note;
-- its numbers are texts
local function write_entry(e)
  local text_input, image_input, text_output, image_output = unpack(e.usage)
  redis.call('XADD', LEDGER, '*', 'kind', e.kind, 'request', e.request, 'outcome', e.outcome, 'key', e.key_id,
    'model', e.model, 'cost', e.cost, 'quote', e.quote, 'images', e.delivered,
    'text_input', text_input, 'image_input', image_input, 'text_output', text_output, 'image_output', image_output,
    'team_period', e.team_period, 'key_period', e.key_period, 'admitted_ms', e.admitted,
    'resolved_ms', now_text, 'flags', e.flags, 'note', e.note)
  local team_spent = redis.call('HINCRBY', SPEND, 'team:' .. e.team_period, e.cost)
  local key_spent = redis.call('HINCRBY', SPEND, 'key:' .. e.key_id .. ':' .. e.key_period, e.cost)
  local sums = {requests = '1', cost = e.cost, images = e.delivered, text_input = text_input, image_input = image_input,
    text_output = text_output, image_output = image_output, [e.outcome] = '1'}
  if e.kind == 'correction' then -- the expiry counted it as a request, and as unknown
    sums.requests = '0'
    sums.unknown = e.outcome == 'unknown' and '0' or '-1'
  end
  local prefix = e.key_id .. '|' .. e.model .. '|'
  for measure, amount in pairs(sums) do
    if amount ~= '0' then redis.call('HINCRBY', USAGE, prefix .. measure, amount) end
  end
  redis.call('PEXPIRE', USAGE, USAGE_LIFE)
  return team_spent, key_spent
end
