"""Gateways as processes that share a Redis and a place for answers, so that one of them can be ended in any way."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx

from app.accounts.models import Team
from app.simulator.server import Simulator
from tests.faults.accounting import BOAT, GENERATIONS, Accounting
from tests.support.process import environment


def sharing(folder: Path, simulator: Simulator, redis_url: str, *names: str, **given: str) -> list[dict[str, str]]:
    """The environments of gateways with data folders of these names."""
    shared = {
        "IMAGEGATE_REDIS_URL": redis_url,
        "IMAGEGATE_RESULT_STORE": str(folder / "results"),
        "IMAGEGATE_REPLICAS": str(len(names)),
        **given,
    }
    return [environment(folder / name, simulator, **shared) for name in names]


def ask(client: httpx.AsyncClient, key: dict[str, str], number: int) -> list[asyncio.Task[httpx.Response]]:
    """So many requests at once, each for a boat."""
    return [asyncio.create_task(client.post(GENERATIONS, json=BOAT, headers=key)) for _ in range(number)]


async def refuses_connections(given: dict[str, str]) -> bool:
    """Whether nobody listens any more where this gateway did."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", int(given["IMAGEGATE_PORT"]))
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        return False  # it was let in by the kernel as the door was closed; the next one tells
    writer.close()
    await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])
    return False


async def expect_in_books(books: Accounting, team: Team, outcomes: Sequence[str]) -> None:
    """The team's entries have these outcomes, nothing is held, and everything adds up."""
    entries = await books.resolved(team, len(outcomes))
    assert sorted(entry.outcome for entry in entries) == sorted(outcomes)
    await books.nothing_held(team)
    assert await books.differences(team) == []
