"""The register of requests: what became of each of the last day, for the virtual key that sent it.

The ledger's scripts write it as they admit and resolve; here it is read, and what happens beside the books is noted.
"""

import re
from collections.abc import Sequence
from typing import Final

from app.datastore.datastore import Datastore
from app.keyspace import TeamKeys
from app.requests.models import RequestRecord, StoredError
from app.requests.scripts import FIND, FORGET, LEAVE, REFUSE, TELL
from app.requests.truth import Facts, record_of

_ID: Final = re.compile(r"req_[0-9A-Za-z]{20}")


def is_request_id(text: str) -> bool:
    """Whether it can be one of ours; nothing else becomes part of the name of a key."""
    return _ID.fullmatch(text) is not None


class Register:
    """Finds requests, and notes who has had their answers.

    Every method raises StoreUnavailable where Redis does not answer.
    """

    def __init__(self, datastore: Datastore) -> None:
        self._datastore = datastore

    async def find(self, team_id: str, key_id: str, request_id: str) -> RequestRecord | None:
        """The request as it truly stands; None where this key sent none such within a day."""
        if not is_request_id(request_id):
            return None
        found = await self._read(team_id, key_id, [request_id])
        return found[0] if found else None

    async def find_of_team(self, team_id: str, request_id: str) -> RequestRecord | None:
        """The same for whoever may see the requests of every key of the team."""
        if not is_request_id(request_id):
            return None
        key_id: bytes | None = await self._datastore.command("HGET", TeamKeys(team_id).request(request_id), "key")
        return await self.find(team_id, key_id.decode(), request_id) if key_id else None

    async def recent(self, team_id: str, key_id: str, limit: int) -> list[RequestRecord]:
        """The newest requests of a key, the newest first; at most 100 are remembered."""
        ids = await self._datastore.command("ZREVRANGE", TeamKeys(team_id).recent(key_id), 0, limit - 1)
        return await self._read(team_id, key_id, [name.decode() for name in ids])

    async def left(self, team_id: str, key_id: str, request_id: str, retries: str) -> None:
        """One of those who were connected for it has gone: a retry may claim it before those that are waited for."""
        await self._datastore.run(LEAVE, [TeamKeys(team_id).retries(key_id, retries)], [request_id])

    async def given(self, team_id: str, key_id: str, request_id: str, retries: str) -> None:
        """Somebody who joined it was given the whole answer; whether it arrived shows in the next moment."""
        await self._datastore.run(TELL, [TeamKeys(team_id).retries(key_id, retries)], [request_id, 2])

    async def told(self, team_id: str, key_id: str, request_id: str, retries: str) -> None:
        """Somebody who joined it was told its error."""
        await self._datastore.run(TELL, [TeamKeys(team_id).retries(key_id, retries)], [request_id, 1])

    async def fetched(self, team_id: str, key_id: str, request_id: str, retries: str) -> None:
        """Somebody came for its answer by name: no retry is to claim it any more."""
        await self._datastore.command("HDEL", TeamKeys(team_id).retries(key_id, retries), request_id)

    async def forget_result(self, team_id: str, key_id: str, request_id: str) -> str | None:
        """Take the name of its kept answer out of the record: it is to be had no more. Gives the name."""
        if not is_request_id(request_id):
            return None
        name = await self._datastore.run(FORGET, [TeamKeys(team_id).request(request_id)], [key_id])
        return name.decode() or None

    async def refuse(self, team_id: str, key_id: str, request_id: str, error: StoredError) -> None:
        """Keep the error of a request that was refused while it waited, with nobody connected to be told."""
        await self._datastore.run(REFUSE, [TeamKeys(team_id).request(request_id)], [key_id, error.as_json()])

    async def _read(self, team_id: str, key_id: str, request_ids: Sequence[str]) -> list[RequestRecord]:
        """Those of them that are there, in one call."""
        if not request_ids:
            return []
        names = TeamKeys(team_id)
        books = [names.reservations, names.named("expired"), names.named("resolved"), names.named("tickets")]
        keys = [*books, *(names.request(request_id) for request_id in request_ids)]
        replies = await self._datastore.run(FIND, keys, [key_id, *request_ids])
        told = zip(request_ids, map(Facts.read, replies), strict=True)
        return [record_of(request_id, facts) for request_id, facts in told if facts is not None]
