"""Two gateways that share everything behind the nginx that is shipped, and what a test asks of them from outside."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai

from app.simulator.server import Simulator
from tests.deploy.shipped_nginx import Proxy, trust
from tests.support.gateway import Gateway, running_gateway
from tests.support.waiting import until

Gateways = tuple[Gateway, Gateway]


@dataclass(frozen=True, slots=True)
class Site:
    """The proxy, and the gateways behind it."""

    proxy: Proxy
    gateways: Gateways

    @property
    def simulator(self) -> Simulator:
        """The upstream of both."""
        return self.gateways[0].simulator

    @property
    def connections(self) -> int:
        """Connections that nginx has open to the gateways."""
        return sum(gateway.connections for gateway in self.gateways)

    async def is_left(self) -> bool:
        """Whether none of them is open any more."""
        return self.connections == 0

    async def new_key(self) -> str:
        """A virtual key that both gateways know."""
        return await self.gateways[0].new_key(await self.gateways[0].new_team())

    def http(self, key: str = "") -> httpx.AsyncClient:
        """A plain client that trusts the certificate."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(base_url=self.proxy.https, verify=trust(), headers=headers, timeout=60)

    def sdk(self, key: str) -> openai.AsyncOpenAI:
        """The official client, without retries."""
        http = openai.DefaultAsyncHttpxClient(verify=trust(), timeout=60)
        return openai.AsyncOpenAI(base_url=f"{self.proxy.https}/v1", api_key=key, max_retries=0, http_client=http)

    async def logged(self, number: int) -> list[dict[str, Any]]:
        """The access log, once it has so many lines: one is written when its request is over."""

        async def written() -> list[dict[str, Any]]:
            lines = [json.loads(line) for line in self.proxy.access_log.splitlines()]
            return lines if len(lines) >= number else []

        lines = await until(written)
        assert len(lines) == number
        return lines


@asynccontextmanager
async def two_gateways(redis_url: str, folder: Path, simulator: Simulator) -> AsyncIterator[Gateways]:
    """Two gateways on one Redis, with one place for pictures and one key for their links, as behind a proxy."""
    shared: dict[str, Any] = {
        "result_store": str(folder / "results"),
        "image_store": str(folder / "images"),
        "signing_key": "the-signing-key-of-these-tests-only",
        "trusted_proxies": "127.0.0.1/32",
        "replicas": 2,
    }
    async with (
        running_gateway(redis_url, folder / "one", simulator, **shared) as one,
        running_gateway(redis_url, folder / "two", simulator, **shared) as two,
    ):
        yield one, two
