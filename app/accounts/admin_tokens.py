"""Admin tokens: who may open the operator's door, by name and role; the one of the settings, and those in Redis."""

import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from msgspec import Struct
from msgspec.structs import asdict

from app.accounts.credentials import (
    ADMIN_WORD,
    Credential,
    admin_token_text,
    hash_secret,
    new_id,
    new_secret,
    read_credential,
    without_secret,
)
from app.datastore.datastore import Datastore
from app.datastore.script import Script
from app.errors import Conflict, NotFound, Unauthenticated
from app.keyspace import ADMIN_TOKENS

Role = Literal["owner", "viewer"]

CACHE_SECONDS = 5.0
"""How long another replica may still take a token that has been revoked; this one forgets it at once."""
BOOTSTRAP = "bootstrap"

_CREATE = Script(
    "create_admin_token",
    """-- KEYS 1 the tokens; ARGV 1 the id, 2 the name, 3 the document
-- Reply 1 when kept, 0 when another one has that name
for _, document in ipairs(redis.call('HVALS', KEYS[1])) do
    if cjson.decode(document).name == ARGV[2] then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
""",
)


class AdminToken(Struct, frozen=True):
    """What is kept of an admin token."""

    id: str
    name: str
    role: Role
    secret_sha256: str
    created_at: datetime

    @property
    def public_id(self) -> str:
        """The part before the secret: safe to show and to log."""
        return f"sk-ig-{ADMIN_WORD}-{self.id}"


class Actor(Struct, frozen=True):
    """Who asks at the operator's door, as the audit log names them."""

    id: str
    name: str
    role: Role


_BOOTSTRAP_ACTOR = Actor(BOOTSTRAP, BOOTSTRAP, "owner")


class AdminTokens:
    """Knows whose admin token it is, makes new ones and revokes them.

    ``bootstrap`` is the token of the settings: an owner that needs no Redis. Without it nobody is let in.
    """

    def __init__(
        self, datastore: Datastore, bootstrap: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._datastore = datastore
        self._bootstrap_sha256 = hash_secret(bootstrap) if bootstrap else None
        self._clock = clock
        self._cache: dict[str, tuple[float, AdminToken]] = {}

    @property
    def are_used(self) -> bool:
        """Whether there is an operator's door at all."""
        return self._bootstrap_sha256 is not None

    async def authenticate(self, authorization: str | None) -> Actor:
        """Who sends this ``Authorization`` header.

        Raises:
            Unauthenticated: no admin token, or one that is not known, or not any more.
            StoreUnavailable: Redis is away, and nobody remembers the token; a fault of ours is never a 401.

        """
        scheme, _, text = (authorization or "").partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer" or not text:
            raise _unknown("Send the admin token as 'Authorization: Bearer …'.")
        if hmac.compare_digest(hash_secret(text), self._bootstrap_sha256 or ""):
            return _BOOTSTRAP_ACTOR
        credential = read_credential(text)
        if credential is None or credential.team_id != ADMIN_WORD:
            raise _unknown("This is not an admin token.")
        token = await self._find(credential)
        return Actor(token.id, token.name, token.role)

    async def create(self, name: str, role: Role) -> tuple[AdminToken, str]:
        """Keep a new token; its record, and its text, which is at hand this once.

        Raises:
            Conflict: the name is taken.

        """
        secret = new_secret()
        token = AdminToken(new_id(), name, role, hash_secret(secret), datetime.now(UTC))
        kept = name != BOOTSTRAP and await self._datastore.run(
            _CREATE, [ADMIN_TOKENS], [token.id, name, orjson.dumps(asdict(token))]
        )
        if not kept:
            raise Conflict(f"There is an admin token called {name!r} already.", param="name")
        return token, admin_token_text(token.id, secret)

    async def all(self) -> list[AdminToken]:
        """Every token that is kept, oldest first."""
        documents: list[bytes] = await self._datastore.command("HVALS", ADMIN_TOKENS)
        return sorted(map(_token, documents), key=lambda token: (token.created_at, token.id))

    async def revoke(self, name_or_id: str) -> AdminToken:
        """Forget a token for ever; it opens nothing here from now on, and nothing elsewhere after `CACHE_SECONDS`.

        Raises:
            NotFound: there is no such token (any more).

        """
        found = [token for token in await self.all() if name_or_id in (token.id, token.public_id, token.name)]
        found.sort(key=lambda token: token.name == name_or_id)  # an id is meant before a name that looks like it
        self._cache.pop(found[0].id if found else "", None)
        if not found or not await self._datastore.command("HDEL", ADMIN_TOKENS, found[0].id):
            raise NotFound(f"There is no admin token {without_secret(name_or_id)!r}.", param="token")
        self._cache.pop(found[0].id, None)
        return found[0]

    async def _find(self, credential: Credential) -> AdminToken:
        remembered = self._cache.get(credential.key_id)
        if remembered is not None and self._clock() - remembered[0] <= CACHE_SECONDS:
            token = remembered[1]
            if hmac.compare_digest(credential.secret_sha256, token.secret_sha256):
                return token
            raise _unknown("This admin token is not known here.")
        asked = self._clock()  # before the answer is under way: its age counts from here
        document: bytes | None = await self._datastore.command("HGET", ADMIN_TOKENS, credential.key_id)
        found = _token(document) if document is not None else None
        if found is None or not hmac.compare_digest(credential.secret_sha256, found.secret_sha256):
            self._cache.pop(credential.key_id, None)
            raise _unknown("This admin token is not known here.")
        self._cache[found.id] = (asked, found)
        return found


def _token(document: bytes) -> AdminToken:
    fields: dict[str, Any] = orjson.loads(document)
    return AdminToken(
        fields["id"],
        fields["name"],
        fields["role"],
        fields["secret_sha256"],
        datetime.fromisoformat(fields["created_at"]),
    )


def _unknown(message: str) -> Unauthenticated:
    return Unauthenticated(message, code="invalid_admin_token")
