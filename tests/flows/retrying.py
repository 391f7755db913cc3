"""A client of one virtual key that asks for the same again and again, hangs up, and looks what came of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from app.accounts.models import Limits, Team
from tests.support.gateway import Gateway
from tests.support.waiting import until

BOAT: dict[str, Any] = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x640", "quality": "low"}
GENERATIONS = "/v1/images/generations"
REQUESTS = "/v1/images/requests"
NAMED = {"Idempotency-Key": "order-17"}
LATER = {"Prefer": "respond-async"}


def retry(count: int) -> dict[str, str]:
    """The header by which an SDK tells that it tries again."""
    return {"x-stainless-retry-count": str(count)}


def pictures(*answers: httpx.Response) -> list[str]:
    """All pictures of these answers."""
    assert [answer.status_code for answer in answers] == [200] * len(answers), [answer.text for answer in answers]
    return [item["b64_json"] for answer in answers for item in answer.json()["data"]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    gateway: Gateway
    team: Team
    http: httpx.AsyncClient

    async def ask(self, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        """Ask for the boat, or something like it; None leaves a parameter out."""
        asked = {name: value for name, value in (BOAT | body).items() if value is not None}
        return await self.http.post(GENERATIONS, json=asked, headers=headers)

    def asking(self, headers: dict[str, str] | None = None, **body: Any) -> "asyncio.Task[httpx.Response]":
        """The same, and meanwhile go on."""
        return asyncio.create_task(self.ask(headers, **body))

    async def claimable(self) -> list[list[str]]:
        """What is noted of the requests that retries may claim: since, attended, told, claims."""
        datastore = self.gateway.services.datastore
        names = await datastore.command("KEYS", f"ig:{{{self.team.id}}}:retries:*")
        found = [await datastore.command("HGETALL", name) for name in names]
        entries = [(name, entry) for each in found for name, entry in each.items()]
        return [entry.decode().split("|") for name, entry in entries if name != b"refused"]

    async def has_joined(self, number: int) -> None:
        """Wait until retries have claimed this many requests in all."""

        async def so() -> bool:
            claims = [claimed for *_, claimed in await self.claimable()]
            return sum(len([count for count in each.split(",") if count]) for each in claims) == number

        await until(so)

    async def are_under_way(self, number: int) -> None:
        """Wait until the gateway carries this many requests."""

        async def so() -> bool:
            return self.gateway.services.places.number >= number

        await until(so)

    async def listed(self) -> list[dict[str, Any]]:
        """The recent requests, newest first."""
        found: list[dict[str, Any]] = (await self.http.get(REQUESTS)).json()["data"]
        return found

    async def see(self, state: str) -> str:
        """Wait until the newest request has come to this state; its id."""

        async def so() -> str:
            found = (await self.listed())[:1]
            return str(found[0]["id"]) if found and found[0]["status"] == state else ""

        return await until(so)

    async def has_claims(self) -> bool:
        """Whether a retry has claimed anything."""
        return any(claimed for *_, claimed in await self.claimable())

    async def hang_up(self, *asking: "asyncio.Task[httpx.Response]") -> None:
        """Leave, and wait until it has been noted of as many requests that nobody is there for them."""
        before = await self._left()
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

        async def so() -> bool:
            return await self._left() >= before + len(asking)

        await until(so)

    async def _left(self) -> int:
        return len([entry for entry in await self.claimable() if entry[1] == "0"])

    async def spent(self, number: int) -> list[str]:
        """The outcomes of what was charged, once that is this many entries; the books add up."""

        async def so() -> bool:
            return len(await self.charged()) >= number

        await until(so)
        assert (await self.gateway.services.usage.recompute(self.team.id)).differences == ()
        return await self.charged()

    async def charged(self) -> list[str]:
        """The outcomes of what has been charged so far."""
        return [entry.outcome for entry in await self.gateway.entries(self.team.id) if entry.cost]


@asynccontextmanager
async def calling(gateway: Gateway, limits: Limits | None = None, **given: Any) -> AsyncIterator[Caller]:
    """A caller with a key and a team of its own."""
    team = await gateway.new_team(limits)
    async with gateway.http(await gateway.new_key(team, **given)) as http:
        yield Caller(gateway, team, http)
