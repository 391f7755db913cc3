"""A whole gateway in the test's event loop, on a real port, with the simulator as upstream."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import openai
import uvicorn
from typing_extensions import override

from app.accounts.credentials import new_id
from app.accounts.minting import mint
from app.accounts.models import Limits, Team
from app.cli.serve import server_config
from app.ledger.models import Entry
from app.ledger.pages import LedgerPages
from app.main import create_app
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.simulator.server import Simulator
from app.wiring.services import Services, open_services

ADMIN_TOKEN = "the-admin-token-of-the-tests"


class _QuietServer(uvicorn.Server):
    """A server that leaves the test runner's signal handlers alone."""

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway and the handles a test holds it by."""

    address: str
    services: Services
    simulator: Simulator
    server: uvicorn.Server
    clients: list[openai.AsyncOpenAI] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        """What an SDK is pointed at."""
        return f"{self.address}/v1"

    @property
    def connections(self) -> int:
        """Connections of clients that are open."""
        return len(self.server.server_state.connections)

    async def new_team(self, limits: Limits | None = None) -> Team:
        """A team of its own."""
        team = Team(new_id(), f"team-{new_id()}", datetime.now(UTC), limits or Limits())
        await self.services.accounts.create_team(team)
        return team

    async def new_key(self, team: Team, **given: Any) -> str:
        """A virtual key of the team, as a teammate holds it."""
        key, text = mint(team.id, "tester", Limits(), **given)
        await self.services.accounts.create_key(key)
        return text

    async def entries(self, team_id: str) -> list[Entry]:
        """The team's ledger, oldest first."""
        return [entry async for entry in LedgerPages(self.services.datastore).oldest_first(team_id)]

    def sdk(self, key: str, **given: Any) -> openai.AsyncOpenAI:
        """The official client, without its retries unless asked for; closed with the gateway."""
        client = openai.AsyncOpenAI(base_url=self.base_url, api_key=key, **{"max_retries": 0, **given})
        self.clients.append(client)
        return client

    def http(self, key: str | None = None) -> httpx.AsyncClient:
        """A plain client."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(base_url=self.address, headers=headers, timeout=30)


def gateway_settings(data_dir: Path, simulator: Simulator, **given: Any) -> Settings:
    """Settings for a test: nothing comes from the environment that is not meant to."""
    fields = {
        "cometapi_key": "sk-upstream-of-the-tests",
        "cometapi_base_url": simulator.url,
        "data_dir": data_dir,
        "admin_token": ADMIN_TOKEN,
        "drain_seconds": 5,
        "redis_timeout_seconds": 10,  # a busy machine is no reason to refuse
    }
    return load_settings(**(fields | given))


@asynccontextmanager
async def running_gateway(
    redis_url: str, data_dir: Path, simulator: Simulator, *, background: bool = True, **given: Any
) -> AsyncIterator[Gateway]:
    """Serve until the block ends; without ``background`` nothing but requests speaks to Redis."""
    listener = socket.create_server(("127.0.0.1", 0))
    # asyncio forgets it for such a socket (its protocol is 0, not TCP), and each answer would wait 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = gateway_settings(data_dir, simulator, **{"public_url": address, **given})
    async with open_services(settings, redis_url, background=background) as services:
        server = _QuietServer(server_config(create_app(services), settings, services.metrics))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.wait([serving], timeout=0.01)
        running = Gateway(address, services, simulator, server)
        try:
            yield running
        finally:
            for client in running.clients:
                await client.close()
            server.should_exit = True
            await serving
