"""Creates that can be sent again: an Idempotency-Key makes the same one answer the same document for a day."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any, ClassVar, Final, TypeVar

import orjson
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from app.admin.audit import actor_of
from app.admin.documents import Document
from app.datastore.datastore import Datastore
from app.errors import Conflict, StoreUnavailable
from app.keyspace import create_key
from app.web.wishes import MAX_KEY_CHARS, read_wishes

log = logging.getLogger(__name__)

B = TypeVar("B", bound=BaseModel)

_KEPT_SECONDS: Final = 86_400
_UNDER_WAY_SECONDS: Final = 60
"""How long a create may take; one whose process died holds its key so long."""
_NOTE: Final = "This was made by an earlier request with the same Idempotency-Key; its secret was shown then."
_REPLAYED: Final = "idempotent-replayed"
"""The word of the public door (`app.gateway.heads`)."""
SENT_AGAIN: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "A name for this create. Sent again under it, it is not done again for 24 hours: the same "
            "body is answered with what was made then, another one with 409.",
            "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS},
            "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
        }
    ],
    "responses": {
        "201": {
            "headers": {
                "Idempotent-Replayed": {
                    "description": "`true` where an earlier request with the same Idempotency-Key made it.",
                    "schema": {"type": "string", "enum": ["true"]},
                }
            }
        }
    },
}
"""What every such route says of itself in the OpenAPI document."""


class ShownOnce(Document):
    """An answer with a secret in it, which is kept nowhere."""

    SECRET: ClassVar[str]
    note: str | None = Field(None, description="Why there is no secret here, where there is none.")

    def without_secret(self) -> dict[str, Any]:
        """What may be kept of it."""
        return self.model_dump(mode="json") | {self.SECRET: None, "note": _NOTE}


class Creates:
    """Remembers what creates under an Idempotency-Key came to, for whoever sent them."""

    def __init__(self, datastore: Datastore) -> None:
        self._datastore = datastore

    async def once(
        self, request: Request, response: Response, body: BaseModel, kind: type[B], make: Callable[[], Awaitable[B]]
    ) -> B:
        """What ``make`` makes, or what it made when the same was asked under the same key; without a key it just makes.

        The head of ``response`` says so where it was made before. A secret is in the first answer only. What fails is
        not remembered: it may be tried again.

        Raises:
            Conflict: the key stands for another create, or for one that is still under way.

        """
        digest = digest_of(request)
        if digest is None:
            return await make()
        name = create_key(digest)
        asked = _fingerprint(request, body)
        claim = orjson.dumps({"asked": asked})
        if not await self._datastore.command("SET", name, claim, "NX", "EX", _UNDER_WAY_SECONDS):
            made_before = kind.model_validate(await self._earlier(name, asked))
            response.headers[_REPLAYED] = "true"
            return made_before
        try:
            made = await make()
        except StoreUnavailable as error:
            if not error.may_have_happened:
                await self._forget(name)
            raise
        except Exception:
            await self._forget(name)
            raise
        kept = made.without_secret() if isinstance(made, ShownOnce) else made.model_dump(mode="json")
        await self._keep(name, {"asked": asked, "document": kept})
        return made

    async def _earlier(self, name: str, asked: str) -> dict[str, Any]:
        """The document of the create that has the key."""
        found: bytes | None = await self._datastore.command("GET", name)
        earlier: dict[str, Any] = orjson.loads(found) if found else {"asked": asked}
        if earlier["asked"] != asked:
            raise Conflict(
                "This Idempotency-Key was used for something else; take a new one.",
                param="Idempotency-Key",
                code="idempotency_key_reused",
                should_retry=False,
            )
        if "document" not in earlier:
            raise Conflict(
                "A request with this Idempotency-Key is under way, or nobody knows what came of it; ask again in a "
                "minute, or see what there is.",
                param="Idempotency-Key",
            )
        document: dict[str, Any] = earlier["document"]
        return document

    async def _keep(self, name: str, kept: dict[str, Any]) -> None:
        try:
            await self._datastore.command("SET", name, orjson.dumps(kept), "EX", _KEPT_SECONDS)
        except StoreUnavailable as error:  # it was made all the same, and its secret is at hand this once
            log.warning("a create cannot be asked for again", extra={"detail": error.detail})

    async def _forget(self, name: str) -> None:
        with suppress(StoreUnavailable):  # it ends by itself
            await self._datastore.command("DEL", name)


def digest_of(request: Request) -> str | None:
    """Of who asks and their Idempotency-Key; None without one."""
    key = read_wishes(request.scope["headers"]).idempotency_key
    return None if key is None else sha256(f"{actor_of(request).id}\n{key}".encode()).hexdigest()


def _fingerprint(request: Request, body: BaseModel) -> str:
    """Of where something is asked for and what: what was not said differs from what was said to be nothing."""
    said = body.model_dump(mode="json", exclude_unset=True)
    told = orjson.dumps([request.scope["path"], said], option=orjson.OPT_SORT_KEYS)
    return sha256(told).hexdigest()
