"""Authenticate: from an ``Authorization`` header to a principal, or a 401.

Records of teams and keys are never deleted, so one that is missing was lost: a fault of ours, and no teammate's 401.
That is seen where this process has let the key in before, or where its team's record alone is gone; a key it has never
seen looks on an emptied Redis like one that never was.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime

from app.accounts.credentials import Credential, read_credential
from app.accounts.models import Principal
from app.accounts.store import AccountStore
from app.datastore.datastore import unavailable
from app.errors import StoreUnavailable, Unauthenticated

_Name = tuple[str, str, str]
"""What a credential is remembered by: the ids of team and key, and the hash of its secret."""

_CACHE_SECONDS = 30.0
"""A cached principal may be this old: admission compares its version, so age costs nothing but a second look."""
_CACHE_ENTRIES = 10_000

_HINT = "Ask whoever runs this gateway for one (it begins with sk-ig-)."


class KeyRing:
    """Knows whose virtual key it is; remembers good ones for a moment, never bad ones."""

    def __init__(self, store: AccountStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._cache: OrderedDict[_Name, tuple[float, Principal]] = OrderedDict()

    async def authenticate(self, authorization: str | None, *, fresh: bool = False) -> Principal:
        """The principal behind an ``Authorization`` header; ``fresh`` looks past the cache.

        Routes that do not admit must ask for ``fresh``: only admission notices a change behind a cached principal.

        Raises:
            Unauthenticated: no key, or one that is malformed, unknown, revoked, expired, disabled or replaced.
            StoreUnavailable: Redis is away, or has lost what it knew of this key; a fault of ours is never a 401.

        """
        credential = _credential(authorization)
        name = (credential.team_id, credential.key_id, credential.secret_sha256)
        principal = None if fresh else self._recall(name)
        if principal is None or principal.key.state(datetime.now(UTC)) != "active":  # it may be open again
            principal = await self._look_up(credential, name)
            self._remember(name, principal)
        return _open(principal, credential)

    async def is_current(self, principal: Principal) -> bool:
        """Whether neither team nor key has changed since; asked before a refusal that no admission stands behind.

        Where Redis does not say, nothing speaks against it.
        """
        try:
            team, key = await self._store.team_and_key(principal.team.id, principal.key.id)
        except StoreUnavailable:
            return True
        return Principal(team, key) == principal if team and key else False

    async def _look_up(self, credential: Credential, name: _Name) -> Principal:
        team, key = await self._store.team_and_key(credential.team_id, credential.key_id)
        if key is None and name in self._cache:  # whatever its age
            raise _lost(f"the record of key {credential.key_id} of team {credential.team_id}")
        if key is None or key.knows(credential.secret_sha256, datetime.now(UTC)) is None:
            raise Unauthenticated(f"This virtual key is not known here. {_HINT}")
        if team is None:
            raise _lost(f"the record of team {credential.team_id}")
        return Principal(team, key)

    def _recall(self, name: _Name) -> Principal | None:
        entry = self._cache.get(name)
        if entry is None or self._clock() - entry[0] > _CACHE_SECONDS:
            return None
        return entry[1]

    def _remember(self, name: _Name, principal: Principal) -> None:
        self._cache[name] = (self._clock(), principal)
        self._cache.move_to_end(name)
        if len(self._cache) > _CACHE_ENTRIES:
            self._cache.popitem(last=False)


def _credential(authorization: str | None) -> Credential:
    """Read the header; says which of the usual mistakes was made, without repeating any of it."""
    if not authorization:
        raise Unauthenticated(f"No virtual key: send it as 'Authorization: Bearer sk-ig-…'. {_HINT}")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("The Authorization header must read 'Bearer sk-ig-…'.")
    credential = read_credential(token.strip())
    if credential is None:
        raise Unauthenticated(f"This is not a virtual key of imagegate. {_HINT}")
    return credential


def _lost(what: str) -> StoreUnavailable:
    return unavailable(f"Redis has lost {what}, which is never deleted", may_have_happened=False)


def _open(principal: Principal, credential: Credential) -> Principal:
    """Refuse a key that was good once; only whoever holds the secret gets to hear why."""
    key, now = principal.key, datetime.now(UTC)
    state = key.state(now)
    if state != "active":
        raise Unauthenticated(f"This virtual key is {state}. {_HINT}", code=f"{state}_api_key")
    if key.knows(credential.secret_sha256, now) == "over":
        raise Unauthenticated(f"This virtual key was replaced by a new one. {_HINT}", code="rotated_api_key")
    return principal
