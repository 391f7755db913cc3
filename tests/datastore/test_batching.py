"""Commands of one loop tick leave in one write; scripts go by their SHA; callers do not disturb each other."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis

from app.datastore.datastore import Datastore
from app.datastore.opening import open_datastore
from app.datastore.script import Script
from app.errors import StoreUnavailable

ECHO = Script("echo", "return {KEYS[1], ARGV[1]}")
COUNT = Script("count", "return redis.call('INCRBY', KEYS[1], ARGV[1])")


async def test_what_has_no_bytes_is_the_fault_of_its_caller_alone(datastore: Datastore) -> None:
    """Half a character fails who sends it, not the commands that leave with it, and no breaker opens for it."""
    for _ in range(10):
        told = await asyncio.gather(
            datastore.command("SET", "name", "value"),
            datastore.command("SET", "half", "\ud800"),
            datastore.run(ECHO, ["half"], ["\ud800"]),
            datastore.command("GET", "name"),
            return_exceptions=True,
        )
        assert [type(reply) for reply in told] == [bool, UnicodeEncodeError, UnicodeEncodeError, bytes]
    assert datastore.errors == 0


class ServerReads:
    """How often the server read from its sockets; each write of ours is one read of its."""

    def __init__(self, observer: redis.Redis) -> None:
        self._observer = observer
        self._before = 0

    async def _total(self) -> int:
        return int((await self._observer.info("stats"))["total_reads_processed"])

    async def start(self) -> None:
        self._before = await self._total()

    async def count(self) -> int:
        """Reads since start(), without the observer's own."""
        return await self._total() - self._before - 1


@pytest.fixture
async def reads(redis_url: str, datastore: Datastore) -> AsyncIterator[ServerReads]:
    await datastore.ping()  # the connection with its greetings exists
    async with redis.Redis.from_url(redis_url) as observer:
        await observer.ping()
        yield ServerReads(observer)


async def test_commands_of_one_tick_travel_in_one_write(datastore: Datastore, reads: ServerReads) -> None:
    """A hundred callers at once cost the server one read, and each gets its own reply."""
    await reads.start()
    replies = await asyncio.gather(*[datastore.command("ECHO", str(number)) for number in range(100)])
    assert await reads.count() == 1
    assert [int(reply) for reply in replies] == list(range(100))


async def test_what_comes_while_answers_are_awaited_leaves_at_once(datastore: Datastore, reads: ServerReads) -> None:
    """Callers of seven ticks are seven writes at most, on two connections; nobody waits for another's answer."""

    async def late(ticks: int) -> bytes:
        for _ in range(ticks):
            await asyncio.sleep(0)
        reply: bytes = await datastore.command("ECHO", str(ticks))
        return reply

    await reads.start()
    replies = await asyncio.gather(*[late(ticks % 7) for ticks in range(70)])
    assert [int(reply) for reply in replies] == [ticks % 7 for ticks in range(70)]
    assert await reads.count() <= 8, "seven writes, and the greeting of the second connection"


async def test_several_commands_come_back_in_order(datastore: Datastore) -> None:
    """`commands` is one write too, and answers in the order it was asked; of nothing it makes nothing."""
    assert await datastore.commands([("SET", "a", 1), ("INCRBY", "a", 41), ("GET", "a")]) == [True, 42, b"42"]
    assert await datastore.commands([]) == []


async def test_a_script_unknown_to_the_server_is_sent_as_text(datastore: Datastore) -> None:
    """First use, a restarted server, SCRIPT FLUSH: the caller notices nothing, and it runs once."""
    for expected in (5, 10):
        assert await datastore.run(COUNT, ["sum"], [5]) == expected
        await datastore.command("SCRIPT", "FLUSH")
    assert await datastore.run(COUNT, ["sum"], [1]) == 11
    assert await datastore.run(ECHO, ["k"], ["ü|\x00"]) == [b"k", "ü|\x00".encode()]


async def test_known_and_unknown_scripts_and_failing_commands_share_a_write(datastore: Datastore) -> None:
    """In one tick: every caller gets its own reply, or its own refusal."""
    await datastore.run(COUNT, ["sum"], [1])
    await datastore.command("SET", "text", "x")
    replies = await asyncio.gather(
        datastore.run(COUNT, ["sum"], [1]),
        datastore.run(ECHO, ["k"], ["v"]),
        datastore.run(COUNT, ["text"], [1]),
        datastore.command("GET", "text"),
        return_exceptions=True,
    )
    assert replies[0] == 2
    assert replies[1] == [b"k", b"v"]
    assert isinstance(replies[2], StoreUnavailable)
    assert "not an integer" in replies[2].detail
    assert replies[3] == b"x"


async def test_a_command_that_fails_is_not_held_against_the_server(datastore: Datastore) -> None:
    """An error reply is one caller's refusal; the breaker stays closed however many there are."""
    for _ in range(5):
        with pytest.raises(StoreUnavailable) as refused:
            await datastore.command("HGET", "too few")
        assert refused.value.may_have_happened, "of a script that failed half-way nobody knows"
    assert datastore.errors == 0
    await datastore.ping()


async def test_a_cancelled_caller_disturbs_nobody(datastore: Datastore) -> None:
    """Callers that leave before the write, or during it, take nothing from the others of their write."""
    for turns in range(5):
        leaving = [asyncio.create_task(datastore.command("INCR", "n")) for _ in range(3)]
        staying = [asyncio.create_task(datastore.command("ECHO", str(number))) for number in range(3)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in leaving:
            task.cancel()
        assert await asyncio.gather(*staying) == [b"0", b"1", b"2"]
        await asyncio.gather(*leaving, return_exceptions=True)
    assert repr(datastore) == "<Datastore [0 writes under way] breaker closed>"


async def test_closing_waits_for_what_is_under_way(redis_url: str) -> None:
    """What was asked before aclose is answered, even when its write had not left yet."""
    datastore = open_datastore(redis_url, timeout_seconds=10)
    asked = [asyncio.create_task(datastore.command("INCR", "n")) for _ in range(3)]
    await asyncio.sleep(0)
    await datastore.aclose()
    assert await asyncio.gather(*asked) == [1, 2, 3]
