-- counts.lua: what an admission counted beforehand is set right. A part (behind books.lua).
--
-- ARGV   none of its own (books.lua)
-- Reply  none: it defines functions for the script behind it

-- Give a bucket back what was taken too much of it (or take what was too little); one that has run full needs nothing.
local function correct_bucket(buckets, name, amount)
  local level = redis.call('HGET', buckets, name)
  if level then
    redis.call('HSET', buckets, name, string.format('%.17g', tonumber(level) + amount))
  end
end

local function correct_day(scope, day, difference)
  if day ~= '' and redis.call('HGET', DAYS, scope .. ':day') == day then
    redis.call('HINCRBY', DAYS, scope .. ':images', int(difference))
  end
end

-- r is the hold; tokens and images are numbers, nil where nobody knows them: they stay as quoted.
local function correct_counts(r, tokens, images)
  if tokens and tokens ~= tonumber(r.tokens) then
    correct_bucket(TEAM_BUCKETS, 'tokens', r.tokens - tokens)
    correct_bucket(KEY_BUCKETS, 'tokens', r.tokens - tokens)
  end
  if images and images ~= tonumber(r.images) then
    correct_day('team', r.team_day, images - r.images)
    correct_day('key:' .. r.key_id, r.key_day, images - r.images)
  end
end
