"""Whatever else a server says or does instead of serving: refused as ours in time, told, and over when it is over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import pytest
import redis.asyncio as redis

from app.datastore.datastore import Datastore
from app.datastore.opening import open_datastore
from app.datastore.script import Script
from tests.datastore.patience import answer, refusal, refused_at_last
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

COUNT = Script("count", "return redis.call('INCRBY', KEYS[1], ARGV[1])")
ENDLESS = "while true do end"


@pytest.fixture
async def own(own_redis: RedisServer) -> AsyncIterator[Datastore]:
    """A datastore on a server that may be hurt; it knows the script."""
    async with aclosing(open_datastore(own_redis.url, timeout_seconds=1)) as opened:
        await opened.run(COUNT, ["known"], [1])
        yield opened


async def test_a_server_busy_with_a_script_is_waited_for(own: Datastore, own_redis: RedisServer) -> None:
    """BUSY: a script of somebody else's blocks it; nothing of ours runs, and once that is killed everything does."""
    own_redis.command("CONFIG", "SET", "lua-time-limit", "1")
    async with redis.Redis.from_url(own_redis.url, socket_timeout=60) as stranger:

        async def block() -> None:
            await stranger.execute_command("EVAL", ENDLESS, 0)  # type: ignore[no-untyped-call] # redis-py's

        blocking = asyncio.create_task(block())

        async def is_busy() -> bool:
            return (await asyncio.to_thread(own_redis.command, "PING")).startswith(b"-BUSY")

        await until(is_busy)
        refused = await refusal(lambda: own.run(COUNT, ["n"], [1]))
        assert "BUSY" in refused.detail
        assert not refused.may_have_happened
        assert own.errors == 1
        assert await asyncio.to_thread(own_redis.command, "SCRIPT", "KILL") == b"+OK"
        with pytest.raises(redis.ResponseError):
            await blocking
    assert await answer(lambda: own.run(COUNT, ["n"], [1])) == 1


async def test_a_server_that_cannot_save_is_waited_for() -> None:
    """MISCONF: its disk is away, so it takes no writes; nothing is written, and once it is back everything is."""
    with RedisServer({"save": "3600 1000000"}) as own_redis:
        async with aclosing(open_datastore(own_redis.url, timeout_seconds=1)) as own:
            assert await own.run(COUNT, ["n"], [1]) == 1
            blocker = own_redis.folder / "dump.rdb"
            blocker.mkdir()
            (blocker / "in-the-way").touch()
            own_redis.command("BGSAVE")

            async def cannot_save() -> bool:
                info = own_redis.ask("INFO", "persistence")
                return bool(info["rdb_last_bgsave_status"] == "err" and not info["rdb_bgsave_in_progress"])

            await until(cannot_save)
            for ask in (lambda: own.run(COUNT, ["n"], [1]), lambda: own.command("INCR", "n")):
                refused = await refusal(ask)
                assert "MISCONF" in refused.detail
                assert "look at its log" in refused.detail
                assert not refused.may_have_happened
            assert own.errors == 2
            (blocker / "in-the-way").unlink()
            blocker.rmdir()
            own_redis.command("BGSAVE")
            assert await answer(lambda: own.run(COUNT, ["n"], [1])) == 2


async def test_a_master_without_its_replicas_is_waited_for(own: Datastore, own_redis: RedisServer) -> None:
    """NOREPLICAS: what it wrote could be lost, so it writes nothing."""
    own_redis.command("CONFIG", "SET", "min-replicas-to-write", "1")
    refused = await refusal(lambda: own.run(COUNT, ["n"], [1]))
    assert "NOREPLICAS" in refused.detail
    assert not refused.may_have_happened
    own_redis.command("CONFIG", "SET", "min-replicas-to-write", "0")
    assert await answer(lambda: own.run(COUNT, ["n"], [1])) == 1


@pytest.mark.parametrize("words", [("CONFIG", "SET", "maxmemory", "1"), ("REPLICAOF", "127.0.0.1", "1")])
async def test_what_was_not_written_is_known(own: Datastore, own_redis: RedisServer, words: tuple[str, ...]) -> None:
    """OOM and READONLY: inside a script or outside, the caller learns that nothing happened."""
    assert own_redis.command(*words) == b"+OK"
    for ask in (lambda: own.run(COUNT, ["n"], [1]), lambda: own.command("INCR", "n")):
        assert not (await refusal(ask)).may_have_happened


async def test_an_error_of_one_is_nobody_elses(own: Datastore, own_redis: RedisServer) -> None:
    """In one write: those whose command is wrong, or may not write, are refused; their neighbours are served."""
    own_redis.command("SET", "text", "x")
    own_redis.command("CONFIG", "SET", "maxmemory", "1")
    replies = await asyncio.gather(
        own.command("GET", "text"),
        own.command("HGET", "text", "field"),
        own.run(COUNT, ["n"], [1]),
        own.command("ECHO", "a"),
        return_exceptions=True,
    )
    assert (replies[0], replies[3]) == (b"x", b"a")
    assert "WRONGTYPE" in str(getattr(replies[1], "detail", ""))
    assert "OOM" in str(getattr(replies[2], "detail", ""))


async def test_a_restart_under_load_is_survived(own_redis: RedisServer) -> None:
    """Killed in the middle of traffic: everyone is answered or refused, none hangs; then everything works as before."""
    async with aclosing(open_datastore(own_redis.url, timeout_seconds=1)) as datastore:
        asked = [0]

        async def worker() -> None:
            while asked[0] < 2000:
                asked[0] += 1
                await answer(lambda: datastore.run(COUNT, ["n"], [1]))

        working = [asyncio.create_task(worker()) for _ in range(20)]

        async def under_way() -> bool:
            return asked[0] > 200

        await until(under_way)
        own_redis.kill()
        await refused_at_last(datastore.ping)
        own_redis.start()
        await asyncio.gather(*working)
        counted = await answer(lambda: datastore.command("GET", "n"))
        assert counted is not None
        assert await datastore.run(COUNT, ["n"], [1]) == int(counted) + 1


Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Cuts the connection without a word."""
    writer.transport.abort()


def is_silent(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Takes the connection and says nothing."""


@pytest.mark.parametrize("behaviour", [resets, is_silent])
async def test_a_server_that_does_not_greet_got_nothing(behaviour: Behaviour) -> None:
    """Reset or silent before the first command: refused in time, nothing can have happened, and a real one is used."""
    writers: list[asyncio.StreamWriter] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        behaviour(reader, writer)

    port = free_port()
    async with aclosing(open_datastore(f"redis://127.0.0.1:{port}", timeout_seconds=0.3)) as datastore:
        async with await asyncio.start_server(meet, "127.0.0.1", port):
            for _ in range(3):
                assert not (await refusal(lambda: datastore.command("INCR", "n"))).may_have_happened
            assert datastore.errors == 3
            for writer in writers:
                writer.close()
        with RedisServer({"port": str(port)}):
            assert await answer(lambda: datastore.command("INCR", "n")) == 1


async def test_a_slow_server_is_not_asked_twice(own_redis: RedisServer) -> None:
    """It answers, but too late: everyone is refused in time as may-have-happened, and the late reply is nobody's."""
    async with aclosing(open_datastore(own_redis.url, timeout_seconds=0.3)) as datastore:
        await answer(datastore.ping)
        own_redis.pause()
        assert (await refusal(lambda: datastore.command("INCR", "n"))).may_have_happened
        own_redis.resume()
        assert await answer(lambda: datastore.command("GET", "n")) in {b"1", None}, "once at most"
        assert int(await answer(lambda: datastore.command("INCR", "n"))) in {1, 2}
