"""A master watched by real sentinels: found, lost, and its successor found, without anybody's help."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing

import pytest

from app.datastore.address import Host, parse_address
from app.datastore.connector import Connector
from app.datastore.datastore import Datastore
from app.datastore.node import Node
from app.datastore.opening import open_datastore
from app.datastore.script import Script
from app.datastore.sentinel import WatchedServer
from tests.datastore.patience import answer, refusal, refused_at_last
from tests.datastore.pretended import pretended_server
from tests.support.ports import free_port
from tests.support.redis_sentinel import SERVICE, WatchedRedis
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

ADD = Script("add", "return redis.call('INCRBY', KEYS[1], ARGV[1])")


@pytest.fixture
def watched() -> Iterator[WatchedRedis]:
    with WatchedRedis() as servers:
        yield servers


@pytest.fixture
async def datastore(watched: WatchedRedis) -> AsyncIterator[Datastore]:
    async with aclosing(open_datastore(watched.url, timeout_seconds=1.5)) as opened:
        yield opened


@pytest.mark.parametrize("fault", ["kill", "pause"])
async def test_the_successor_of_a_dead_master_is_found(watched: WatchedRedis, datastore: Datastore, fault: str) -> None:
    """Killed or frozen: refusals in bounded time, then the new master, which continues another history."""
    assert await datastore.run(ADD, ["n"], [41]) == 41
    before, old = await datastore.replication_ids(), watched.master
    assert old.ask("WAIT", 2, 5000) == 2
    getattr(old, fault)()
    await refused_at_last(lambda: datastore.command("GET", "n"))
    assert await answer(lambda: datastore.run(ADD, ["n"], [1])) == 42
    await datastore.ping()
    assert watched.master is not old
    assert not await datastore.replication_ids() & before


async def test_a_demoted_master_is_left(watched: WatchedRedis, datastore: Datastore) -> None:
    """A failover by hand, with everybody alive: READONLY or a cut connection leads to the new master; nothing is lost.

    A frozen sentinel and a dead one meanwhile are no hindrance: the last one is asked at the same time as they.
    """
    written = 0
    for _ in range(5):
        written = await datastore.command("INCR", "n")
    old = watched.master
    assert old.ask("WAIT", 2, 5000) == 2
    watched.sentinels[0].pause()
    assert watched.sentinels[2].ask("SENTINEL", "FAILOVER", SERVICE) in {"OK", True}
    watched.sentinels[1].kill()
    watched.sentinels[0].resume()
    await asyncio.to_thread(watched.await_, lambda: watched.master is not old)
    watched.sentinels[0].pause()
    for _ in range(5):
        count = await answer(lambda: datastore.command("INCR", "n"), certain=True)
        assert count == written + 1
        written = count
    watched.sentinels[0].resume()


async def test_a_happy_master_is_looked_up_too() -> None:
    """The sentinels name another while the old one still takes writes, which would be lost: calls go to the new one."""
    with RedisServer({"port": str(free_port())}) as old, RedisServer({"port": str(free_port())}) as new:
        named = [old]

        async def name_the_master(_: bytes) -> bytes:
            epoch, port = len(named), named[-1].port
            return b"%%3\r\n+config-epoch\r\n:%d\r\n+ip\r\n+127.0.0.1\r\n+port\r\n:%d\r\n" % (epoch, port)

        async with pretended_server(name_the_master) as sentinel_port:
            address = parse_address(f"redis+sentinel://127.0.0.1:{sentinel_port}/{SERVICE}")
            connector = Connector(address)

            def connect(host: Host, troubled: Callable[[], None]) -> Node:
                return Node(connector.server(host), timeout_seconds=5, troubled=troubled)

            sentinels = [connector.sentinel(address.hosts[0])]
            watched = WatchedServer(sentinels, SERVICE, connect, timeout_seconds=5, ask_again_seconds=0)
            async with aclosing(Datastore(watched)) as datastore:
                assert await datastore.command("INCR", "n") == 1
                named.append(new)

                async def is_followed() -> bool:
                    await datastore.command("INCR", "n")
                    return new.command("EXISTS", "n") == b":1"

                await until(is_followed)
                assert datastore.errors == 0
                assert repr(datastore).count("breaker") == 1, "the old one is let go"


async def test_a_master_found_late_has_what_is_left_of_the_time() -> None:
    """Asking the sentinels and the call together take no longer than one call may; then the caller is told."""

    async def never(_: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with pretended_server(never) as master_port:

        async def slowly(_: bytes) -> bytes:
            await asyncio.sleep(0.3)  # what a distant sentinel takes
            return b"%%3\r\n+config-epoch\r\n:1\r\n+ip\r\n+127.0.0.1\r\n+port\r\n:%d\r\n" % master_port

        async with pretended_server(slowly) as sentinel_port:
            url = f"redis+sentinel://127.0.0.1:{sentinel_port}/{SERVICE}"
            async with aclosing(open_datastore(url, timeout_seconds=1)) as datastore:
                refused = await refusal(lambda: datastore.command("GET", "n"))
    assert "found too late" in refused.detail


async def test_sentinels_that_know_nothing_are_told_of() -> None:
    """None answers, or none knows the name: the refusal says so; nothing can have happened."""
    with WatchedRedis(replicas=0, sentinels=1) as servers:
        wrong = servers.url.removesuffix(SERVICE) + "nobody"
        async with aclosing(open_datastore(wrong, timeout_seconds=5)) as datastore:
            refused = await refusal(lambda: datastore.command("INCR", "n"))
        assert "nobody" in refused.detail
        assert "No such master" in refused.detail
    async with aclosing(open_datastore("redis+sentinel://127.0.0.1:1/books", timeout_seconds=5)) as datastore:
        refused = await refusal(datastore.ping)
    assert "127.0.0.1:1" in refused.detail
    assert not refused.may_have_happened
