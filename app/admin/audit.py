"""The audit log: an entry for every change at the operator's door: who, what, before, after, when, which request."""

import logging
from datetime import UTC, datetime
from typing import Any, Final, Literal

import orjson
from msgspec.structs import asdict
from pydantic import BaseModel
from starlette.requests import Request

from app.accounts.admin_tokens import Actor
from app.datastore.datastore import Datastore
from app.errors import StoreUnavailable
from app.keyspace import AUDIT

log = logging.getLogger(__name__)

Action = Literal[
    "team.create",
    "team.change",
    "key.create",
    "key.change",
    "key.rotate",
    "key.disable",
    "key.enable",
    "key.revoke",
    "token.create",
    "token.revoke",
    "credit.create",
    "answer.open",
]
"""What an entry can be of: every change, and the one look that is told of."""

MOST_ENTRIES: Final = 100_000
"""Kept, and up to a node of the stream more; with two states of a team or key in each some 100 MB. The oldest go."""
_READ_AT_ONCE: Final = 200
_LOOKED_AT: Final = 5_000
"""Entries a page may look at for those of one team; its cursor then leads on from there."""


class Audit:
    """Writes and reads the log, of the newest changes.

    Every route that changes something tells it, after the change, and nobody else does.
    """

    def __init__(self, datastore: Datastore, most_entries: int = MOST_ENTRIES) -> None:
        self._datastore = datastore
        self._most_entries = most_entries

    async def record(
        self,
        request: Request,
        action: Action,
        *,
        team: str | None = None,
        before: BaseModel | None = None,
        after: BaseModel | None = None,
    ) -> None:
        """Write that ``action`` was done by whoever sent the request; ``team`` is an id.

        ``before`` and ``after`` are what the door shows of what was changed, so no secret is in them. What changed
        nothing is not written. A change stands even where this cannot be written: the log line of the error has all.
        """
        shown = [None if body is None else body.model_dump(mode="json") for body in (before, after)]
        if shown[0] == shown[1]:
            return
        entry = {
            "actor": asdict(actor_of(request)),
            "action": action,
            "team": team,
            "before": shown[0],
            "after": shown[1],
            "request_id": request.scope["state"]["request_id"],
        }
        try:
            await self._datastore.command(
                "XADD", AUDIT, "MAXLEN", "~", self._most_entries, "*", "entry", orjson.dumps(entry)
            )
        except StoreUnavailable as error:
            log.error("a change is not in the audit log", extra=entry | {"detail": error.detail})  # noqa: TRY400  known

    async def page(self, limit: int, cursor: str | None, team: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """At most ``limit`` entries, newest first, from behind ``cursor`` on; and the next cursor, None at the end."""
        entries: list[dict[str, Any]] = []
        for _ in range(0, _LOOKED_AT, _READ_AT_ONCE):
            last = f"({cursor}" if cursor else "+"
            found: list[tuple[bytes, dict[bytes, bytes]]] = await self._datastore.command(
                "XREVRANGE", AUDIT, last, "-", "COUNT", _READ_AT_ONCE
            )
            for entry_id, fields in found:
                cursor = entry_id.decode()
                entry = orjson.loads(fields[b"entry"])
                if team is None or entry["team"] == team:
                    entries.append(entry | {"id": cursor, "at": _time_of(cursor)})
                if len(entries) == limit:
                    return entries, cursor
            if len(found) < _READ_AT_ONCE:
                return entries, None
        return entries, cursor


def actor_of(request: Request) -> Actor:
    """Who asks, as the guard found."""
    actor: Actor = request.scope["state"]["actor"]
    return actor


def _time_of(entry_id: str) -> datetime:
    """An entry's id begins with the server's time, in Unix ms."""
    return datetime.fromtimestamp(int(entry_id.partition("-")[0]) / 1000, UTC)
