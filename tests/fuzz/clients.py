"""A gateway among broken clients: changed requests on raw sockets, against a simulator that answers well.

Whatever comes, it is never answered 5xx, and each connection gets an answer or its end in time.
"""

import random
from collections.abc import Callable

from tests.fuzz.exchange import END_SECONDS, exchange
from tests.fuzz.finding import Finding
from tests.fuzz.messages import requests
from tests.fuzz.mutations import portions
from tests.fuzz.ring import fuzz, open_ring

AT_ONCE = 48
"""Connections: most of them wait for a deadline of the gateway's."""
HANG_UP_SECONDS = 2
"""The operator's door has a deadline of its own, half a minute for a body: there it is the client who hangs up."""

Tell = Callable[[str], None]


async def fuzz_clients(seconds: float, tell: Tell) -> list[Finding]:
    """For so long; what broke."""
    async with open_ring("broken clients") as ring:
        messages = requests(ring.key)
        first = random.SystemRandom().randrange(2**48)

        async def case(number: int) -> Finding | None:
            chance = random.Random(first + number)
            data = chance.choice(messages).changed(chance)
            may_wait = b"/admin/" in data
            pieces = portions(data, chance)
            heard = await exchange(ring.gateway.address, pieces, HANG_UP_SECONDS if may_wait else END_SECONDS)
            ring.counts.update([str(status) for status in heard.statuses] or ["no answer"])
            fault = heard.fault(may_wait=may_wait)
            return Finding(ring.where, fault, f"send {pieces!r}") if fault else None

        await fuzz(ring, case, seconds, AT_ONCE)
        tell(str(ring))
        return ring.findings
