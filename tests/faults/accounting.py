"""The test's own hand in the books: makes teams and keys, and reads what gateways in other processes wrote there."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from app.accounts.credentials import new_id
from app.accounts.minting import mint
from app.accounts.models import Limits, Team
from app.accounts.store import AccountStore
from app.catalog.catalog import Catalog, load_catalog
from app.catalog.normalise import normalise
from app.catalog.order import Order
from app.catalog.policy import Policy
from app.catalog.pricing import quote
from app.datastore.opening import open_datastore
from app.ledger.models import Entry
from app.ledger.pages import LedgerPages
from app.ledger.usage import Difference, UsageReader
from app.simulator.server import Simulator
from tests.support.process import serving
from tests.support.waiting import until

BOAT: dict[str, Any] = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x640", "quality": "low"}
"""The smallest picture that the model makes."""
GENERATIONS = "/v1/images/generations"
WITHIN_SECONDS = 60
"""What is promised of a restart: by then the holds of the process that died are resolved."""


@dataclass(frozen=True, slots=True)
class Accounting:
    """Accounts and books on the Redis of a test."""

    accounts: AccountStore
    usage: UsageReader
    pages: LedgerPages

    async def new_team(self, limits: Limits | None = None, team_id: str | None = None) -> Team:
        """A team of its own."""
        team = Team(team_id or new_id(), f"team-{new_id()}", datetime.now(UTC), limits or Limits())
        await self.accounts.create_team(team)
        return team

    async def new_key(self, team: Team, limits: Limits | None = None, **given: Any) -> dict[str, str]:
        """The header of a virtual key of the team."""
        key, text = mint(team.id, "tester", limits or Limits(), **given)
        await self.accounts.create_key(key)
        return {"Authorization": f"Bearer {text}"}

    async def entries(self, team: Team) -> list[Entry]:
        """The team's ledger, oldest first."""
        return [entry async for entry in self.pages.oldest_first(team.id)]

    async def spent(self, team: Team) -> int:
        """What the team has spent, by the counter that budgets are compared with."""
        spend = (await self.usage.standing(team.id)).spend
        return sum(amount for name, amount in spend.items() if name.startswith("team:"))

    async def differences(self, team: Team) -> list[Difference]:
        """Whatever does not agree in the team's books."""
        return list((await self.usage.recompute(team.id)).differences)

    async def nothing_held(self, team: Team, seconds: float = WITHIN_SECONDS) -> None:
        """Wait until nothing is held for the team any more."""

        async def free() -> bool:
            return (await self.usage.standing(team.id)).held == {}

        await until(free, seconds)

    async def resolved(self, team: Team, number: int, seconds: float = WITHIN_SECONDS) -> list[Entry]:
        """Wait until the team has so many entries; gives them."""

        async def written() -> bool:
            return len(await self.entries(team)) >= number

        await until(written, seconds)
        return await self.entries(team)


@asynccontextmanager
async def accounting(redis_url: str) -> AsyncIterator[Accounting]:
    """Open the books of a Redis; patient, because its machine may be busy with the gateways under test."""
    datastore = open_datastore(redis_url, timeout_seconds=10)
    try:
        yield Accounting(AccountStore(datastore), UsageReader(datastore), LedgerPages(datastore))
    finally:
        await datastore.aclose()


@asynccontextmanager
async def replica(given: dict[str, str]) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    """A gateway as a process, and a client of it that waits long and opens as many connections as it is asked to."""
    async with (
        serving(given) as process,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{given['IMAGEGATE_PORT']}",
            timeout=60,
            limits=httpx.Limits(max_connections=None),
        ) as client,
    ):
        yield process, client


@cache
def shipped_catalog() -> Catalog:
    """The models as they are shipped."""
    return load_catalog(None, "gpt-image-2", None)


def quoted(body: Mapping[str, Any]) -> int:
    """The most a generation can cost, in nano-dollars."""
    return quote(normalise(Order("generations", body), shipped_catalog(), Policy())).cost


def billed(simulator: Simulator) -> int:
    """What the upstream bills for the tokens it counted, in nano-dollars; all input at the price of text."""
    prices, tally = shipped_catalog().find("gpt-image-2").prices, simulator.logbook.tally
    assert prices is not None
    return tally.input_tokens * prices.text_input + tally.output_tokens * prices.image_output


def priced_catalog(folder: Path) -> Path:
    """An operator's folder that prices a model which makes one picture at a time."""
    folder.mkdir(parents=True)
    (folder / "qwen-image.toml").write_text(
        'extends = "qwen-image"\n[price]\nper_image = "0.04"\nsource = "the tests"\n'
        '[links]\nhosts = ["127.0.0.1"]\nsource = "the tests"\n'
    )
    return folder
