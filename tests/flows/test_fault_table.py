"""The table in docs/faults.md, row by row against a gateway and its simulator."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from app.ledger.models import Entry
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.flows.fault_table import CUT, MOMENTS, PAGE, Charge, Server, fault_table, table_on_page
from tests.support.gateway import Gateway, running_gateway
from tests.upstream.http1.scripted import CERTIFICATES

BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
ROWS = {f"{moment}: {row.fault}": row for moment, rows in MOMENTS.items() for row in rows}
PLAYED = [(name, "own") for name in ROWS] + [
    pytest.param(name, "httpx", marks=pytest.mark.slow)
    for name, row in ROWS.items()
    if row.before is None or not row.before.stale_after_answer  # httpx's own keeps no connection that could go stale
]


@asynccontextmanager
async def standing(server: Server) -> AsyncIterator[Simulator]:
    """A simulator, or what stands in its place."""
    tls = None
    if server is Server.UNTRUSTED:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(CERTIFICATES / "localhost.pem")
    async with Simulator(tls=tls) as simulator:
        yield simulator


async def asked(client: httpx.AsyncClient) -> tuple[int, httpx.Headers, str]:
    """Status, headers and error code of one request; status CUT if the answer breaks off."""
    try:
        answer = await client.post("/v1/images/generations", json=BOAT)
    except httpx.RemoteProtocolError:
        return CUT, httpx.Headers(), ""
    error = answer.json().get("error", {})
    return answer.status_code, answer.headers, error.get("code", "")


def charged(entry: Entry) -> Charge:
    """What an entry of the ledger charges."""
    if entry.cost == 0:
        return Charge.NOTHING
    return Charge.QUOTE if entry.cost == entry.quote else Charge.TRUE


async def after_one_before(gateway: Gateway, client: httpx.AsyncClient, before: Scenario | None) -> int:
    """Play the request that goes before, if there is one; how many entries and calls that made."""
    if before is None:
        return 0
    gateway.simulator.next(before)
    await asked(client)
    return 1


@pytest.mark.parametrize(("name", "transport"), PLAYED)
async def test_every_row_is_as_the_page_says(redis_url: str, tmp_path: Path, name: str, transport: str) -> None:
    """Status, code, retry hints, outcome, charge and the number of upstream calls are those of the row.

    Whichever transport speaks with the upstream.
    """
    row = ROWS[name]
    async with (
        standing(row.server) as simulator,
        running_gateway(
            redis_url, tmp_path, simulator, upstream_read_seconds=0.5, upstream_transport=transport
        ) as gateway,
    ):
        if row.server is Server.ABSENT:
            await simulator.stop()
        team = await gateway.new_team()
        async with gateway.http(await gateway.new_key(team)) as client:
            made = await after_one_before(gateway, client, row.before)
            simulator.default = row.plays
            status, headers, code = await asked(client)
        entries = (await gateway.entries(team.id))[made:]
        held = (await gateway.services.usage.standing(team.id)).held

    assert status in row.status
    assert code == ("" if status in (CUT, 200) else row.code)
    assert headers.get("x-should-retry") == (None if status == CUT else row.should_retry)
    least, most = row.retry_after or (0, 0)
    assert least <= int(headers.get("retry-after", 0)) <= most
    assert [(entry.outcome, charged(entry)) for entry in entries] == [(row.outcome, row.charge)]
    assert held == {}
    assert simulator.exchanges - made == row.calls


def test_the_page_has_the_table() -> None:
    """docs/faults.md has today's rows; `make lists` writes them there."""
    assert table_on_page(PAGE.read_text(encoding="utf-8")) == fault_table()
