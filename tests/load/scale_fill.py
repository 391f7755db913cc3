"""Fills a Redis with very many teams, keys or ledger entries: one is made by the gateway's own code, then copied.

A copy is whatever Redis holds under a name, or in a field or an entry, that mentions the first one's id. So it has the
shape that the code gives it today, without a word about that shape here; a million take less than a minute.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from app.accounts.credentials import hash_secret, virtual_key_text
from app.accounts.models import Limits, Principal, Team, VirtualKey
from app.accounts.store import AccountStore
from app.datastore.datastore import Datastore

SECRET: Final = "2" * 32
"""The same for all: whoever asks has a million keys without remembering one."""
_AT_ONCE: Final = 2_000
_LOOK: Final = """\
-- ARGV 1 the id that is copied, 2... names of the keys that may mention it
-- Reply {{command, name, words, ttl ms}, ...}, packed
local id, found = ARGV[1], {}
local function mentions(text) return string.find(text, id, 1, true) ~= nil end
local function pairs_of(list, all)
  local kept = {}
  for i = 1, #list, 2 do
    if all or mentions(list[i]) then kept[#kept + 1], kept[#kept + 2] = list[i], list[i + 1] end
  end
  return kept
end
for i = 2, #ARGV do
  local name = ARGV[i]
  local kind, all = redis.call('TYPE', name).ok, mentions(name)
  local ttl = all and redis.call('PTTL', name) or -1
  local function keep(command, words)
    if #words > 0 then found[#found + 1] = {command, name, words, ttl} end
  end
  if kind == 'string' and all then keep('SET', {redis.call('GET', name)})
  elseif kind == 'hash' then keep('HSET', pairs_of(redis.call('HGETALL', name), all))
  elseif kind == 'set' then
    for _, member in ipairs(redis.call('SMEMBERS', name)) do
      if all or mentions(member) then keep('SADD', {member}) end
    end
  elseif kind == 'zset' then
    local list = pairs_of(redis.call('ZRANGE', name, 0, -1, 'WITHSCORES'), all)
    for at = 1, #list, 2 do keep('ZADD', {list[at + 1], list[at]}) end
  elseif kind == 'stream' then
    for _, entry in ipairs(redis.call('XRANGE', name, '-', '+')) do
      local words, is_about = {'*'}, all
      for _, word in ipairs(entry[2]) do
        words[#words + 1] = word
        is_about = is_about or mentions(word)
      end
      if is_about then keep('XADD', words) end
    end
  end
end
return cmsgpack.pack(found)
"""
_COPY: Final = """\
-- ARGV 1 the id that is copied, 2 what was found of it, 3 number of the first copy, 4 of the last
local found, pattern = cmsgpack.unpack(ARGV[2]), string.gsub(ARGV[1], '%W', '%%%0')
for number = tonumber(ARGV[3]), tonumber(ARGV[4]) do
  local copy = string.format('%08d', number)
  for _, f in ipairs(found) do
    local words = {}
    for i, word in ipairs(f[3]) do words[i] = (string.gsub(word, pattern, copy)) end
    local name = string.gsub(f[2], pattern, copy)
    redis.call(f[1], name, unpack(words))
    if f[4] > 0 then redis.call('PEXPIRE', name, f[4]) end
  end
end
"""
"""Both for one server: they name keys themselves, which no script of the gateway does, and no cluster takes."""


def copy_id(number: int) -> str:
    """The id of a copy."""
    return f"{number:08d}"


async def make_team(
    datastore: Datastore, team_id: str, key_id: str = "KKKKKKKK", team: Limits | None = None, key: Limits | None = None
) -> Principal:
    """A team and a key of it under these ids, made as the gateway makes them."""
    born, store = datetime.now(UTC), AccountStore(datastore)
    owner = Team(team_id, f"team {team_id}", born, team or Limits())
    minted = VirtualKey(key_id, team_id, f"key {key_id}", hash_secret(SECRET), born, key or Limits())
    await store.create_team(owner)
    await store.create_key(minted)
    return Principal(owner, minted)


async def principal(datastore: Datastore, team_id: str, key_id: str) -> Principal:
    """Who has that key."""
    team, key = await AccountStore(datastore).team_and_key(team_id, key_id)
    assert team is not None, team_id
    assert key is not None, key_id
    return Principal(team, key)


def text_of(team_id: str, key_id: str) -> str:
    """A virtual key as whoever asks sends it."""
    return virtual_key_text(team_id, key_id, SECRET)


async def copies(datastore: Datastore, of: str, number: int, names: Sequence[str] = ()) -> None:
    """Copy what mentions an id so many times: keys that have it in their own name, and what of these has it inside."""
    own = [name.decode() for name in await datastore.command("KEYS", f"*{of}*")]
    found = await datastore.command("EVAL", _LOOK, 0, of, *dict.fromkeys([*names, *own]))
    for first in range(0, number, _AT_ONCE):
        last = min(first + _AT_ONCE, number) - 1
        await datastore.command("EVAL", _COPY, 0, of, found, first, last)
