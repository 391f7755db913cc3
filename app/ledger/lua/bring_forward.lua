-- bring_forward.lua: carry a team's oldest ledger entries over into its balance brought forward, off the stream.
--
-- KEYS   1 ledger   2 spend   3 forward (app/keyspace.py: TeamKeys); books.lua does not stand in front of it
-- ARGV   1 how far the caller found it carried (an entry's id, '' = never)
--        2 id of the first entry to carry   3 id of the last   4 how many they are, at least one
--        5 how old the last has to be (ms)
--        6... fields of spend whose periods are over for good (app/ledger/brought_forward.py)
-- Clock  the server's TIME in milliseconds: a caller whose clock is wrong archives nothing that is young
-- Reply  {what came of it, what about it}: forwarded, entries carried so far | moved (somebody else was quicker, or the
--        oldest entries are others) | young, now ms | broken, id of an entry without a cost. Only `forwarded` has changed
--        anything
-- Keeps  for every field spend == forward + the entries of the stream, before and behind it. The sums are made here, of
--        the very entries that go, and they go in the same step: whoever calls it, however often, each is carried once

local LEDGER, SPEND, FORWARD = KEYS[1], KEYS[2], KEYS[3]
local PLAIN_CHARS = 12 -- 9,000 numbers of so many digits add up to less than 9e15, and are summed exactly as doubles

local function int(number)
  return string.format('%.0f', number + 0)
end

if (redis.call('HGET', FORWARD, 'until') or '') ~= ARGV[1] then return {'moved', ''} end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if tonumber(string.match(ARGV[3], '^%d+')) > now - tonumber(ARGV[5]) then return {'young', int(now)} end

local number = tonumber(ARGV[4])
local found = redis.call('XRANGE', LEDGER, '-', '+', 'COUNT', number)
if #found ~= number or found[1][1] ~= ARGV[2] or found[number][1] ~= ARGV[3] then return {'moved', ''} end

local sums, large = {}, {} -- by field; and what is added digit by digit, by Redis' own integers
for _, entry in ipairs(found) do
  local e, fields = {}, entry[2]
  for i = 1, #fields, 2 do e[fields[i]] = fields[i + 1] end
  if not string.match(e.cost or '', '^%-?%d+$') then return {'broken', entry[1]} end
  for _, field in ipairs({'team:' .. e.team_period, 'key:' .. e.key .. ':' .. e.key_period}) do
    if #e.cost > PLAIN_CHARS then
      large[#large + 1] = {field, e.cost}
    else
      sums[field] = (sums[field] or 0) + tonumber(e.cost)
    end
  end
end

-- write all. First something that needs no memory: a full Redis lets a script go on that has begun to write, and it is a
-- full one that must be able to get rid of its entries.
redis.call('HDEL', FORWARD, '')
for field, sum in pairs(sums) do redis.call('HINCRBY', FORWARD, field, int(sum)) end
for _, one in ipairs(large) do redis.call('HINCRBY', FORWARD, one[1], one[2]) end

-- A period that is over, and of which every entry has been carried, is on neither side any more. What it came to is kept
-- by scope, so that the archive can still be held against it.
for i = 6, #ARGV do
  local carried = redis.call('HGET', FORWARD, ARGV[i])
  local scope = string.match(ARGV[i], '^team:') and 'team' or string.match(ARGV[i], '^key:[^:]+')
  if carried and scope and carried == redis.call('HGET', SPEND, ARGV[i]) then
    redis.call('HINCRBY', FORWARD, 'over:' .. scope, carried)
    redis.call('HDEL', FORWARD, ARGV[i])
    redis.call('HDEL', SPEND, ARGV[i])
  end
end

local entries = redis.call('HINCRBY', FORWARD, 'entries', int(number))
redis.call('HSET', FORWARD, 'until', ARGV[3])
redis.call('XTRIM', LEDGER, 'MAXLEN', int(redis.call('XLEN', LEDGER) - number)) -- to the entry; the oldest go
return {'forwarded', int(entries)}
