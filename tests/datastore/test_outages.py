"""A Redis that is frozen, gone, full or read-only: a refusal of our own, in time, that says what may have happened."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from app.datastore.datastore import Datastore
from app.datastore.opening import open_datastore
from app.datastore.script import Script
from app.errors import StoreUnavailable
from tests.datastore.patience import answer
from tests.support.datastore import datastore_on
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

OPEN_SECONDS = 0.2
"""A short pause of the breaker: tests wait for it."""

WRITE = Script("write", "redis.call('DEL', 'x'); return redis.call('INCR', KEYS[1])")


@pytest.fixture
async def own(own_redis: RedisServer) -> AsyncIterator[Datastore]:
    """A datastore on a server that may be hurt; a busy machine is no reason to refuse."""
    opened = datastore_on(own_redis.url, timeout_seconds=20, open_seconds=OPEN_SECONDS)
    yield opened
    await opened.aclose()


@pytest.fixture
async def hasty(own_redis: RedisServer) -> AsyncIterator[Datastore]:
    """The same for a server that is frozen: what has to be answered by it is asked for until it is."""
    opened = datastore_on(own_redis.url, timeout_seconds=0.3, open_seconds=OPEN_SECONDS)
    yield opened
    await opened.aclose()


async def refusal(datastore: Datastore, *words: str) -> StoreUnavailable:
    with pytest.raises(StoreUnavailable) as refused:
        await datastore.command(*words)
    return refused.value


async def test_a_frozen_server_refuses_everyone(own_redis: RedisServer) -> None:
    """Callers of the first write and all behind them are refused; what was sent may have run."""
    datastore = open_datastore(own_redis.url, timeout_seconds=0.6)
    await answer(datastore.ping)
    own_redis.pause()

    async def ask(ticks: int) -> StoreUnavailable:
        for _ in range(ticks):
            await asyncio.sleep(0)  # one turn of the loop: a write of its own
        return await refusal(datastore, "INCR", "n")

    refused = await asyncio.gather(*[ask(ticks) for ticks in range(10)])

    assert len(refused) == 10
    assert refused[0].may_have_happened
    own_redis.resume()
    await answer(datastore.ping)
    await datastore.aclose()


async def test_after_the_thaw_replies_belong_to_their_questions(hasty: Datastore, own_redis: RedisServer) -> None:
    """The late replies of a frozen server are nobody's: its connections are not used again."""
    await answer(hasty.ping)
    own_redis.pause()
    for _ in range(2):
        await refusal(hasty, "ECHO", "old")
    own_redis.resume()
    for number in map(str, range(20)):
        assert await answer(partial(hasty.command, "ECHO", number)) == number.encode()


async def test_three_failures_open_the_breaker_and_it_closes_again(hasty: Datastore, own_redis: RedisServer) -> None:
    """An open breaker refuses at once and sends nothing; when the server is back, so is the service."""
    await answer(hasty.ping)
    before = hasty.errors
    own_redis.pause()
    for failures in (1, 2, 3):
        by_an_old_connection = failures == 1  # a new one gets no greeting, and sends nothing
        assert (await refusal(hasty, "PING")).may_have_happened == by_an_old_connection
        assert hasty.errors == before + failures
    refused = await refusal(hasty, "INCR", "n")
    assert hasty.errors == before + 3, "no further round trip was tried"
    assert not refused.may_have_happened
    assert refused.retry_after_seconds is not None
    assert 0 < refused.retry_after_seconds <= OPEN_SECONDS
    assert "breaker open" in repr(hasty)
    own_redis.resume()
    await answer(hasty.ping)
    assert "breaker closed" in repr(hasty)
    assert await answer(lambda: hasty.command("GET", "n")) is None


async def test_the_try_after_the_pause_may_be_several_commands(own: Datastore, own_redis: RedisServer) -> None:
    """One write may try, and all commands of that write are answered (an authentication asks for two records)."""
    own_redis.kill()
    for _ in range(3):
        await refusal(own, "PING")
    own_redis.start()
    await asyncio.sleep((await refusal(own, "PING")).retry_after_seconds or 0)
    assert await own.commands([("ECHO", "a"), ("ECHO", "b")]) == [b"a", b"b"]


async def test_a_server_that_is_gone_cannot_have_done_anything(own: Datastore, own_redis: RedisServer) -> None:
    """No socket, or nobody behind it: the command never left."""
    own_redis.kill()
    assert not (await refusal(own, "INCR", "n")).may_have_happened
    own_redis.socket.unlink(missing_ok=True)
    assert not (await refusal(own, "INCR", "n")).may_have_happened


async def test_a_refused_tcp_connection_cannot_have_done_anything() -> None:
    """The same for a server over TCP: nobody listens on the port."""
    datastore = open_datastore(f"redis://127.0.0.1:{free_port()}", timeout_seconds=5)
    assert not (await refusal(datastore, "INCR", "n")).may_have_happened
    await datastore.aclose()


async def test_a_connection_cut_before_the_reply_leaves_it_open(own_redis: RedisServer) -> None:
    """The server dies with the command in its hands: nobody knows, so the caller must assume that it happened."""
    patient = open_datastore(own_redis.url, timeout_seconds=20)
    task = asyncio.create_task(refusal(patient, "BLPOP", "nothing", "0"))
    blocked = "return tonumber(string.match(redis.call('INFO', 'clients'), 'blocked_clients:(%d+)'))"

    async def has_it() -> bool:
        return await asyncio.to_thread(own_redis.command, "EVAL", blocked, "0") == b":1"

    await until(has_it)
    own_redis.kill()
    assert (await task).may_have_happened
    await patient.aclose()


async def test_a_restarted_server_is_used_without_an_error(own: Datastore, own_redis: RedisServer) -> None:
    """Idle connections of the last life are replaced before anything is written to them; scripts are sent anew."""
    assert await own.run(WRITE, ["n"], []) == 1
    own_redis.kill()
    own_redis.start()
    assert await own.run(WRITE, ["n"], []) == 1
    assert own.errors == 0


SICK: dict[str, list[tuple[str, ...]]] = {
    "full": [("CONFIG", "SET", "maxmemory", "1")],
    "read-only": [("REPLICAOF", "127.0.0.1", "1")],
    "replica without its primary": [
        ("CONFIG", "SET", "replica-serve-stale-data", "no"),
        ("REPLICAOF", "127.0.0.1", "1"),
    ],
}
HEALTHY = [("REPLICAOF", "NO", "ONE"), ("CONFIG", "SET", "maxmemory", "0")]


@pytest.mark.parametrize("sickness", SICK)
async def test_a_server_that_cannot_write_is_a_server_that_does_not_serve(
    own: Datastore, own_redis: RedisServer, sickness: str
) -> None:
    """Full or read-only: scripts and commands are refused as ours, count towards the breaker, and work again after."""
    assert await own.run(WRITE, ["n"], []) == 1
    for words in SICK[sickness]:
        assert own_redis.command(*words) == b"+OK"
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await own.run(
                WRITE if sickness != "full" else Script("first", "return redis.call('INCR', KEYS[1])"), ["n"], []
            )
    assert "breaker open" in repr(own)
    for words in HEALTHY:
        assert own_redis.command(*words) == b"+OK"
    await answer(own.ping)
    assert await own.run(WRITE, ["n"], []) == 2, "none of the refused ones wrote"


async def test_a_loading_server_is_waited_for() -> None:
    """LOADING counts as not serving: the refusal is ours, not redis-py's."""

    async def load(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            writer.write(b"-LOADING Redis is loading the dataset in memory\r\n")
        writer.close()

    async with await asyncio.start_server(load, "127.0.0.1", 0) as listener:
        datastore = open_datastore(f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}", timeout_seconds=5)
        await refusal(datastore, "GET", "n")
        assert datastore.errors == 1
        await datastore.aclose()


async def test_a_server_that_speaks_nonsense_does_not_jam_the_breaker() -> None:
    """Whatever comes instead of a reply is a failure like any other; the breaker gets its next try."""

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(babble, "127.0.0.1", 0) as listener:
        url = f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        datastore = datastore_on(url, timeout_seconds=5, open_seconds=OPEN_SECONDS)
        for failures in range(1, 4):
            await refusal(datastore, "PING")
            assert datastore.errors == failures
        async with asyncio.timeout(20):
            while datastore.errors < 5:
                await refusal(datastore, "PING")
                await asyncio.sleep(0.05)
        await datastore.aclose()
