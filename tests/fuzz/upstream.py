"""A gateway before a broken upstream: changed answers, asked for by clients that do nothing wrong.

Whatever comes, no client is answered 500, and each gets an answer or its end in time.
"""

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx

from tests.fuzz.finding import Finding
from tests.fuzz.messages import LOW, answers
from tests.fuzz.mutations import portions
from tests.fuzz.ring import GENERATIONS, fuzz, open_ring

AT_ONCE = 16
END_SECONDS = 12
IMPATIENT = {"upstream_read_seconds": 1, "upstream_total_seconds": 3, "upstream_connect_seconds": 2}
"""The gateway's deadlines for the upstream."""
KEYS = ",".join(f"sk-upstream-{number}" for number in range(1000))
"""A key that an answer speaks ill of rests for half a minute; with one only, hardly any case would get past that."""
ANSWERS = answers()
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NUMBER = re.compile(rb"case <(\d+)>")

Tell = Callable[[str], None]


async def fuzz_upstream(seconds: float, tell: Tell) -> list[Finding]:
    """For so long; what broke."""
    first = random.SystemRandom().randrange(2**48)
    async with (
        _broken_upstream(first) as address,
        open_ring("a broken upstream", cometapi_base_url=address, cometapi_key=KEYS, **IMPATIENT) as ring,
        ring.gateway.http(ring.key) as client,
    ):

        async def case(number: int) -> Finding | None:
            order = {**LOW, "prompt": f"case <{number}>", "stream": _wants_stream(first + number)}
            try:
                async with asyncio.timeout(END_SECONDS):
                    came = str((await client.post(GENERATIONS, json=order)).status_code)
            except TimeoutError:
                came = "no end in time"
            except httpx.RemoteProtocolError:
                came = "a cut body"
            ring.counts[came] += 1
            is_fault = came in {"500", "no end in time"}
            return Finding(ring.where, came, f"answer {_upstream_answer(first + number)!r}") if is_fault else None

        await fuzz(ring, case, seconds, AT_ONCE)
        tell(str(ring))
        return ring.findings


def _wants_stream(seed: int) -> bool:
    return seed % 3 == 0


def _upstream_answer(seed: int) -> tuple[list[bytes], float]:
    """The changed answer of a case in pieces, and for how many seconds the connection is silent before its end.

    It always ends: what is left of a changed answer would be the beginning of the next one, which nobody can tell.
    """
    chance = random.Random(seed)
    asked_for = "stream" if _wants_stream(seed) else "whole"
    kind = asked_for if chance.random() < 0.8 else chance.choice([*ANSWERS])
    data = chance.choice(ANSWERS[kind]).changed(chance)
    return portions(data, chance), 1.5 if chance.random() < 0.05 else 0


@asynccontextmanager
async def _broken_upstream(first: int) -> AsyncIterator[str]:
    """An upstream that answers a numbered prompt as its case has it, and any other well."""
    good = ANSWERS["whole"][0].sent()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                number = _NUMBER.search(body)
                pieces, silent_seconds = _upstream_answer(first + int(number[1])) if number else ([good], 0)
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if number:
                    await asyncio.sleep(silent_seconds)
                    break
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
