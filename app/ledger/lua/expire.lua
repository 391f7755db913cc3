-- expire.lua: resolve overdue holds of one team; the sweeper calls it for teams nobody is asking for.
--
-- ARGV   1 hour (books.lua)   2 how many at most
-- Reply  {number expired, now ms}, or {'clock', now ms}

if not USAGE then return {'clock', now_text} end
return {int(expire_overdue(ARGV[2])), now_text}
