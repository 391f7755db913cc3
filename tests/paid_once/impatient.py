"""Clients that give up and try again by themselves: the real SDK, counting its tries."""

import base64
from collections import Counter
from typing import Any

import openai
from openai.types import ImagesResponse

from app.accounts.models import Team
from app.simulator.pictures import read_serial
from tests.support.gateway import Gateway
from tests.support.waiting import until


class Impatient:
    """The official client with its default retries, and a timeout below the time that a picture takes."""

    def __init__(self, gateway: Gateway, key: str, timeout_seconds: float, address: str | None = None) -> None:
        """``address``: of a proxy in front of the gateway."""
        self.tries: Counter[int] = Counter()
        """How many requests were sent with each retry count."""
        client = gateway.sdk(
            key,
            max_retries=openai.DEFAULT_MAX_RETRIES,
            timeout=timeout_seconds,
            http_client=openai.DefaultAsyncHttpxClient(event_hooks={"request": [self._trying]}),
        )
        if address:
            client.base_url = f"{address}/v1/"
        self.images = client.images

    async def tried(self, count: int, times: int = 1) -> None:
        """Wait until so many requests of this retry count were sent."""

        async def sent() -> bool:
            return self.tries[count] >= times

        await until(sent, seconds=30)

    async def _trying(self, request: Any) -> None:
        self.tries[int(request.headers["x-stainless-retry-count"])] += 1


def serial_of(made: ImagesResponse) -> int:
    """The number that the simulator gave to the one picture of an answer."""
    assert made.data
    (picture,) = made.data
    assert picture.b64_json
    return read_serial(base64.b64decode(picture.b64_json, validate=True))


async def nobody_waits(gateway: Gateway) -> None:
    """Wait until no client is connected."""

    async def left() -> bool:
        return gateway.connections == 0

    await until(left)


async def connected(gateway: Gateway, number: int) -> None:
    """Wait until at least so many clients are connected."""

    async def there() -> bool:
        return gateway.connections >= number

    await until(there)


async def charges(gateway: Gateway, team: Team, number: int) -> list[str]:
    """The outcomes of all that the team was charged for, once that is so many entries; and its books add up."""

    async def written() -> bool:
        return len(await gateway.entries(team.id)) >= number

    await until(written)
    usage = gateway.services.usage
    assert (await usage.standing(team.id)).held == {}
    assert (await usage.recompute(team.id)).differences == ()
    entries = await gateway.entries(team.id)
    assert all(entry.cost > 0 for entry in entries)
    return [entry.outcome for entry in entries]
