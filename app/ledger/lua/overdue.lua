-- overdue.lua: holds that nobody renewed any more. A part (behind books.lua and entries.lua).
--
-- ARGV   none of its own (books.lua)
-- Reply  none: it defines a function for the script behind it

-- Resolve holds whose process stopped renewing them: nobody knows what the upstream made of them, so they are charged
-- at the quote and marked unknown; a later settle or release corrects that by a new entry.
local function expire_overdue(limit)
  local overdue = redis.call('ZRANGEBYSCORE', HOLDS, '-inf', now_text, 'LIMIT', '0', limit)
  for _, id in ipairs(overdue) do
    local text = redis.call('HGET', RESERVATIONS, id)
    if text then
      local r = unpack_reservation(text)
      write_entry({kind = 'expire', request = id, outcome = 'unknown', key_id = r.key_id, model = r.model,
        cost = r.cost, quote = r.cost, delivered = '0', usage = NO_USAGE, team_period = r.team_period,
        key_period = r.key_period, admitted = r.admitted, flags = 'at_quote', note = r.note})
      redis.call('HSET', EXPIRED, id, text)
      redis.call('PEXPIRE', EXPIRED, TOMBSTONE_LIFE)
      entomb(id)
      close_hold(id, r)
    else
      redis.call('ZREM', HOLDS, id)
    end
  end
  return #overdue
end
