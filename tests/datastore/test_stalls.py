"""Our own loop stands still for longer than Redis may take: no failure of Redis, and nobody is refused for it."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing

import pytest
import uvloop

from app.datastore.datastore import Datastore
from app.datastore.opening import open_datastore
from tests.datastore.patience import answer, refusal
from tests.datastore.pretended import pretended_server
from tests.support.redis_server import RedisServer

TIMEOUT_SECONDS = 0.3
STALL_SECONDS = 0.7
PADDING = "x" * 1000
"""Makes more of a thousand questions than sockets hold: when the stall ends most of them have not even left."""

Loop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop_factory(request: pytest.FixtureRequest) -> Loop:
    """They differ in what they do first after a stall: read, or look at the clock."""
    factory: Loop = request.param
    return factory


def play(story: Coroutine[object, object, None], loop_factory: Loop) -> None:
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(story)


def stall() -> None:
    """Keep the loop busy, as a long computation would."""
    end = time.monotonic() + STALL_SECONDS
    while time.monotonic() < end:
        pass


async def ask_many(datastore: Datastore) -> list[asyncio.Task[bytes]]:
    """A thousand questions of one tick, which have not left yet."""
    asked = [asyncio.create_task(datastore.command("ECHO", f"{number} {PADDING}")) for number in range(1000)]
    await asyncio.sleep(0)
    return asked


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_answers_that_came_meanwhile_are_taken(own_redis: RedisServer, loop_factory: Loop, turns: int) -> None:
    """Before the write, just behind it, or while its replies lie in the socket: every one of a thousand is answered."""

    async def story() -> None:
        async with aclosing(open_datastore(own_redis.url, timeout_seconds=TIMEOUT_SECONDS)) as datastore:
            await answer(datastore.ping)
            asked = await ask_many(datastore)
            for _ in range(turns):
                await asyncio.sleep(0)
            stall()
            assert [int(reply.split()[0]) for reply in await asyncio.gather(*asked)] == list(range(1000))
            assert datastore.errors == 0

    play(story(), loop_factory)


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_a_connection_that_came_meanwhile_is_used(own_redis: RedisServer, loop_factory: Loop, turns: int) -> None:
    """The same while the first connection is on its way, as when a process starts: it is tried for once more."""

    async def story() -> None:
        async with aclosing(open_datastore(own_redis.url, timeout_seconds=TIMEOUT_SECONDS)) as datastore:
            asked = await ask_many(datastore)
            for _ in range(turns):
                await asyncio.sleep(0)
            stall()
            assert [int(reply.split()[0]) for reply in await asyncio.gather(*asked)] == list(range(1000))
            assert datastore.errors == 0

    play(story(), loop_factory)


def test_a_silent_server_is_not_excused_by_it(loop_factory: Loop) -> None:
    """Stalls or not, who does not answer is given up: before the greeting, and with the question in hand."""

    async def nothing(_: bytes) -> bytes:
        return b""

    async def story() -> None:
        async with (
            pretended_server(nothing) as port,
            aclosing(open_datastore(f"redis://127.0.0.1:{port}", timeout_seconds=TIMEOUT_SECONDS)) as datastore,
        ):
            refused = asyncio.create_task(refusal(lambda: datastore.command("INCR", "n")))
            await asyncio.sleep(TIMEOUT_SECONDS / 2)
            stall()
            assert (await refused).may_have_happened

    play(story(), loop_factory)
