"""The gateway that is fuzzed: case after case against it, and rules that hold whatever the cases are.

No exception is logged, memory stays, a good request is served in between; in the end nothing is held, and the books add
up.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from typing_extensions import override

from app.simulator.server import Simulator
from tests.fuzz.finding import Finding
from tests.fuzz.messages import LOW
from tests.fuzz.watch import Watch, memory_bytes
from tests.support.gateway import ADMIN_TOKEN, Gateway, running_gateway
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

MOST_FINDINGS = 5
WARM_UP = 0.3
"""The part of the time after which memory should stay."""
MOST_GROWTH_BYTES = 64_000_000
GOOD_AFTER = 500
"""So many cases after the last good request comes the next."""

SHORT: dict[str, Any] = {
    "head_seconds": 1,
    "body_seconds": 1,
    "upload_seconds": 1,
    "send_seconds": 2,
}
"""The gateway's deadlines for clients."""
GENERATIONS = "/v1/images/generations"

Case = Callable[[int], Coroutine[Any, Any, Finding | None]]
"""Plays the case of a number."""


@dataclass(slots=True)
class Ring:
    """The gateway, and what was seen of it."""

    where: str
    """What is broken around it."""
    gateway: Gateway
    team: str
    key: str
    watch: Watch
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def found(self, what: str, again: str) -> None:
        """Note a finding."""
        self.findings.append(Finding(self.where, what, again))

    @override
    def __str__(self) -> str:
        counts = self.counts.copy()
        named = [f"{counts.pop(name, 0)} {name}" for name in ("cases", "entries", "MB grown")]
        return ", ".join(
            [f"{self.where}: {named[0]}", *named[1:], *(f"{n} x {what}" for what, n in sorted(counts.items()))]
        )


@asynccontextmanager
async def open_ring(where: str, **given: Any) -> AsyncIterator[Ring]:
    """A gateway with a Redis and a team of its own."""
    with RedisServer() as redis, tempfile.TemporaryDirectory() as folder, Watch() as watch:
        async with (
            Simulator() as simulator,
            running_gateway(redis.url, Path(folder), simulator, **SHORT, **given) as gateway,
        ):
            team = await gateway.new_team()
            yield Ring(where, gateway, team.id, await gateway.new_key(team), watch)


async def fuzz(ring: Ring, case: Case, seconds: float, at_once: int) -> None:
    """Case after case until the time is over, many at once; then look at what is left of them."""
    began = time.monotonic()
    numbers = count()
    warm_bytes = 0

    async def lane() -> None:
        nonlocal warm_bytes
        while time.monotonic() < began + seconds and len(ring.findings) < MOST_FINDINGS:
            number = next(numbers)
            ring.counts["cases"] += 1
            if finding := await case(number):
                ring.findings.append(finding)
            for failure in ring.watch.taken():
                ring.found(f"logged near case {number}: {failure}", "by the traceback above")
            if number % GOOD_AFTER == GOOD_AFTER - 1:
                await _good_request(ring)
            if not warm_bytes and time.monotonic() > began + seconds * WARM_UP:
                warm_bytes = memory_bytes()

    await asyncio.gather(*(lane() for _ in range(at_once)))
    grown = memory_bytes() - (warm_bytes or memory_bytes())
    ring.counts["MB grown"] = round(grown / 1e6)
    if grown > MOST_GROWTH_BYTES:
        ring.found(f"memory grew by {grown / 1e6:.0f} MB after it was warm", "run it longer, and see it grow")
    await _good_request(ring)
    await _books_are_in_order(ring)


async def _good_request(ring: Ring) -> None:
    """It is served, by the second try: the first may be sent on a connection that is just being closed."""
    async with ring.gateway.http(ring.key) as client:
        for _ in range(2):
            answer = await client.post(GENERATIONS, json=LOW)
            if answer.status_code == 200:
                return
    ring.found(f"a good request got {answer.status_code}: {answer.text[:300]}", "whatever came before it")


async def _books_are_in_order(ring: Ring) -> None:
    """Nothing is held any more, and the ledger adds up to what is spent."""
    async with ring.gateway.http(ADMIN_TOKEN) as operator:

        async def nothing_is_held() -> bool:
            standings = (await operator.get(f"/admin/v1/teams/{ring.team}/standing")).json()["standings"]
            return all(float(standing["held"]) == 0 and not standing["images"] for standing in standings)

        try:
            await until(nothing_is_held, 60)
        except TimeoutError:
            ring.found("something is still held a minute later", "imagegate requests")
        verified = (await operator.get("/admin/v1/ledger/verify", params={"team": ring.team})).json()
    ring.counts["entries"] = verified["entries"]
    if verified["differences"]:
        ring.found(f"the books differ: {verified['differences']}", "imagegate ledger verify")
