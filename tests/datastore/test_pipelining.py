"""Two connections under traffic: long answers, full sockets, hang-ups; each caller gets what happened to his call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from app.datastore.address import parse_address
from app.datastore.connector import Connector
from app.datastore.datastore import Datastore
from app.datastore.node import Node
from app.datastore.opening import open_datastore
from app.datastore.servers import OneServer
from tests.datastore.patience import PATIENCE_SECONDS, answer, refusal
from tests.datastore.pretended import pretended_server
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

LARGE = "x" * 8_000_000
"""More than the buffers of a socket take."""


@pytest.fixture
async def own(own_redis: RedisServer) -> AsyncIterator[Datastore]:
    """A datastore on a server that may be hurt, with a connection."""
    async with aclosing(open_datastore(own_redis.url, timeout_seconds=PATIENCE_SECONDS)) as opened:
        await opened.ping()
        yield opened


async def test_a_long_answer_delays_nobody_for_long(own: Datastore) -> None:
    """While one question is not answered, those after it are: they go by another connection."""
    long = asyncio.create_task(own.command("BLPOP", "nothing", 0))
    await asyncio.sleep(0)
    behind = asyncio.create_task(own.command("ECHO", "behind"))  # there is no other connection yet: it waits too

    async def another_is_there() -> bool:
        asked = asyncio.create_task(own.command("ECHO", "beside"))
        await asyncio.wait({asked}, timeout=0.01)
        return asked.done()

    await until(another_is_there)
    assert not long.done()
    assert not behind.done()
    assert [await own.command("ECHO", str(number)) for number in range(20)] == [b"%d" % number for number in range(20)]
    assert await own.command("RPUSH", "nothing", "at last") == 1
    assert await long == [b"nothing", b"at last"]
    assert await behind == b"behind"
    assert own.errors == 0


async def test_a_server_that_takes_one_connection_only_serves(own_redis: RedisServer) -> None:
    """Where no second one is let in, everything goes over the first, and that is no failure."""
    node = Node(Connector(parse_address(own_redis.url)).socket(str(own_redis.socket)), timeout_seconds=PATIENCE_SECONDS)
    async with aclosing(Datastore(OneServer(node))) as datastore:
        assert await datastore.command("CONFIG", "SET", "maxclients", 1)

        async def refused_another() -> bool:
            asked = []
            for number in range(10):
                asked.append(asyncio.create_task(datastore.command("ECHO", str(number))))
                await asyncio.sleep(0)
            assert [int(reply) for reply in await asyncio.gather(*asked)] == list(range(10))
            return bool((await datastore.command("INFO", "stats"))["rejected_connections"])

        await until(refused_another)
        await datastore.ping()
        assert node.errors == node.breaker.failures == 0


async def test_what_does_not_fit_waits(own: Datastore, own_redis: RedisServer) -> None:
    """A server that does not read is not flooded: what comes meanwhile leaves when it reads again, each once."""
    own_redis.pause()
    asked = [asyncio.create_task(own.command("SET", "large", LARGE))]
    for number in range(5):
        await asyncio.sleep(0)
        asked.append(asyncio.create_task(own.command("INCRBY", "sum", 10**number)))
    await asyncio.sleep(0)
    own_redis.resume()
    set_large, *sums = await asyncio.gather(*asked)
    assert set_large is True
    assert len(set(sums)) == 5
    assert await own.command("GET", "sum") == b"11111"
    assert await own.command("STRLEN", "large") == len(LARGE)


async def test_what_did_not_fit_in_time_did_not_happen(own_redis: RedisServer) -> None:
    """The server never reads: what went to its socket may happen; what waited for room was not sent."""
    async with aclosing(open_datastore(own_redis.url, timeout_seconds=0.3)) as datastore:
        await answer(datastore.ping)
        own_redis.pause()
        sent = asyncio.create_task(refusal(lambda: datastore.command("SET", "large", LARGE)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waited = asyncio.create_task(refusal(lambda: datastore.command("INCR", "n")))
        assert (await sent).may_have_happened
        assert not (await waited).may_have_happened
        own_redis.resume()
        assert await answer(lambda: datastore.command("GET", "n")) is None


@pytest.mark.parametrize("turns", [0, 1, 5])
async def test_a_hang_up_while_nobody_asks_harms_nobody(own: Datastore, own_redis: RedisServer, turns: int) -> None:
    """Idle connections that the server closes (timeout, failover, CLIENT KILL) are noticed before the next write."""
    for number in range(1, 6):
        assert own_redis.command("CLIENT", "KILL", "TYPE", "normal").startswith(b":")
        for _ in range(turns):
            await asyncio.sleep(0)
        assert await own.command("INCR", "n") == number
    assert own.errors == 0


async def test_a_hang_up_is_one_failure_however_many_wait() -> None:
    """Ten writes under way are ten failed round trips, and one step towards an open breaker; nobody gets another's."""
    hangs_up = asyncio.Event()
    asked: list[bytes] = []

    async def hang_up(came: bytes) -> bytes | None:
        if b"PING" in came:
            return b"+PONG\r\n"
        asked.append(came)
        await hangs_up.wait()
        return None

    async def is_asked() -> bool:
        return bool(asked)

    async with (
        pretended_server(hang_up) as port,
        aclosing(open_datastore(f"redis://127.0.0.1:{port}", timeout_seconds=PATIENCE_SECONDS)) as datastore,
    ):
        await datastore.ping()
        waiting = []
        for _ in range(10):
            waiting.append(asyncio.create_task(refusal(lambda: datastore.command("INCR", "n"))))
            await asyncio.sleep(0)
        await until(is_asked)
        hangs_up.set()
        assert all([(await refused).may_have_happened for refused in waiting])
        assert datastore.errors == 10
        assert not datastore.is_circuit_open


async def test_a_late_answer_meets_no_question() -> None:
    """It comes when its caller was refused: the next question is asked on another connection, and gets its own."""
    questions: list[bytes] = []
    is_late = asyncio.Event()

    async def answer_in_turn(came: bytes) -> bytes:
        questions.append(came)
        if len(questions) == 1:
            await is_late.wait()
            return b"$3\r\nold\r\n"
        return b"$3\r\nnew\r\n"

    async with (
        pretended_server(answer_in_turn) as port,
        aclosing(open_datastore(f"redis://127.0.0.1:{port}", timeout_seconds=0.2)) as datastore,
    ):
        assert (await refusal(lambda: datastore.command("GET", "old"))).may_have_happened
        is_late.set()
        assert [await datastore.command("GET", "new") for _ in range(5)] == [b"new"] * 5


async def test_connections_are_greeted_as_the_address_says(own_redis: RedisServer) -> None:
    """The database, the name that operators see in CLIENT LIST, and RESP3."""
    async with aclosing(open_datastore(f"{own_redis.url}?db=3", timeout_seconds=PATIENCE_SECONDS)) as datastore:
        told = (await datastore.command("CLIENT", "LIST")).decode()
    assert " db=3 " in told
    assert " name=imagegate " in told
    assert " resp=3 " in told
