"""Requests of one virtual key, written as the ledger's scripts leave them."""

from dataclasses import dataclass
from typing import Any

from app.accounts.credentials import new_id
from app.datastore.datastore import Datastore
from app.keyspace import TeamKeys
from app.requests.models import RequestRecord
from app.requests.register import Register
from app.web.middleware import new_request_id

ADMITTED_MS = 1_800_000_000_000


@dataclass(frozen=True, slots=True)
class Scene:
    """A key that has asked for pictures, and who reads what became of them."""

    datastore: Datastore
    register: Register
    team_id: str
    key_id: str

    @property
    def names(self) -> TeamKeys:
        """The names of the team's keys in Redis."""
        return TeamKeys(self.team_id)

    async def write(self, state: str, request_id: str = "", **fields: Any) -> str:
        """A record; its request's id."""
        request_id = request_id or new_request_id()
        record: dict[str, Any] = {
            "key": self.key_id,
            "model": "gpt-image-2",
            "operation": "generations",
            "state": state,
            "admitted": ADMITTED_MS,
            "quote": 50_000_000,
        } | fields
        words = [word for pair in record.items() for word in pair]
        name = self.names.request(request_id)
        await self.datastore.command("HSET", name, *words)
        await self.datastore.command("PEXPIRE", name, 60_000)
        await self.datastore.command("ZADD", self.names.recent(record["key"]), record["admitted"], request_id)
        return request_id

    async def deliver(self, request_id: str = "", **fields: Any) -> str:
        """A request that has its picture."""
        end = {
            "resolved": ADMITTED_MS + 12_345,
            "cost": 41_200_000,
            "images": 1,
            "result": "",
            "error": "",
            "about": "",
        }
        return await self.write("delivered", request_id, **(end | fields))

    async def hold(self, request_id: str) -> None:
        """The request is under way."""
        await self.datastore.command("HSET", self.names.reservations, request_id, "held")

    async def ask_for_turn(self, request_id: str, before_ms: int = 0) -> None:
        """The request has a ticket, and last asked so long before now."""
        seconds, micros = await self.datastore.command("TIME")
        asked = int(seconds) * 1000 + int(micros) // 1000 - before_ms
        await self.datastore.command("HSET", self.names.named("tickets"), request_id, f"{asked}|[team]")

    async def find(self, request_id: str) -> RequestRecord:
        """The request as the register tells it."""
        record = await self.register.find(self.team_id, self.key_id, request_id)
        assert record is not None
        return record


def open_scene(datastore: Datastore, team_id: str = "", key_id: str = "") -> Scene:
    """A key of a team; both need nothing but a name."""
    return Scene(datastore, Register(datastore), team_id or new_id(), key_id or new_id())
