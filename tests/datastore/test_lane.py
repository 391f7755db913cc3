"""A connection by itself: replies find their questions, however they arrive, and whatever else arrives with them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import NoScriptError, ResponseError

from app.datastore.batch import Batch
from app.datastore.call import Call, Waiting, pack
from app.datastore.lane import Lane
from app.errors import StoreUnavailable

FAR_SECONDS = 100.0

REPLIES: list[tuple[bytes, Any]] = [
    (b"+OK\r\n", b"OK"),
    (b":41\r\n", 41),
    (b"$-1\r\n", None),
    (b"_\r\n", None),
    (b"#f\r\n", False),
    (b"$7\r\na\r\nb\r\nc\r\n", b"a\r\nb\r\nc"),
    (b"$0\r\n\r\n", b""),
    (b"*3\r\n:1\r\n*0\r\n$2\r\nxy\r\n", [1, [], b"xy"]),
    (b"%1\r\n$1\r\nk\r\n:1\r\n", {b"k": 1}),
    (b"-ERR wrong\r\n", "wrong"),
]
"""What comes over the wire, and what a caller gets: for an error the text of his refusal."""
PUSH = b">2\r\n$10\r\ninvalidate\r\n_\r\n"


@asynccontextmanager
async def lane() -> AsyncIterator[tuple[Lane, list[Exception | None]]]:
    """A connection to nobody, and what it tells of itself: the test says what arrives."""
    told: list[Exception | None] = []
    loop, (here, there) = asyncio.get_running_loop(), socket.socketpair()
    with there:
        _, made = await loop.create_connection(lambda: Lane(lambda _, why: told.append(why)), sock=here)
        try:
            yield made, told
        finally:
            await made.aclose()


def sent(on: Lane, count: int) -> list[asyncio.Future[Any]]:
    """Send one write of so many questions."""
    loop = asyncio.get_running_loop()
    batch = Batch(lambda _: None, deadline=loop.time() + FAR_SECONDS)
    futures = [loop.create_future() for _ in range(count)]
    for future in futures:
        batch.add(Waiting(Call(("GET", "k")), False, future), pack(("GET", "k")))
    on.send(batch.packed(), batch)
    return futures


def came(future: asyncio.Future[Any]) -> Any:
    """What the caller got; of a refusal what Redis said."""
    error = future.exception()
    if error is None:
        return future.result()
    assert isinstance(error, StoreUnavailable)
    return str(error.__cause__)


@given(data=st.data(), writes=st.lists(st.lists(st.sampled_from(REPLIES), min_size=1, max_size=5), max_size=5))
def test_replies_in_pieces_reach_their_callers(data: st.DataObject, writes: list[list[tuple[bytes, Any]]]) -> None:
    """Cut anywhere, with pushes between them: every caller of every write gets his own as soon as it is there."""

    async def play() -> None:
        async with lane() as (ours, told):
            callers = [future for write in writes for future in sent(ours, len(write))]
            replies = [reply for write in writes for reply in write]
            wire, whole = b"", []
            for octets, _ in replies:
                wire += (PUSH if data.draw(st.booleans()) else b"") + octets
                whole.append(len(wire))
            cuts = sorted(data.draw(st.sets(st.integers(0, len(wire)), max_size=12)))
            start = 0
            for cut in (*cuts, len(wire)):
                ours.data_received(wire[start:cut])
                start = cut
                assert [future.done() for future in callers] == [end <= cut for end in whole]
            assert [came(future) for future in callers] == [value for _, value in replies]
            assert ours.is_free
            assert told == []

    asyncio.run(play())


async def test_a_reply_to_no_question_ends_the_connection() -> None:
    """Whoever answers unasked has lost count: from then on no reply could be believed."""
    async with lane() as (ours, told):
        (answered,) = sent(ours, 1)
        ours.data_received(b"+OK\r\n" + PUSH)
        assert answered.result() == b"OK"
        assert ours.is_open
        ours.data_received(b"+OK\r\n")
        assert not ours.is_open
        assert told == [None], "nobody waited for anything"


async def test_nonsense_ends_the_connection() -> None:
    """What is no reply is nobody's; who waited is refused as may-have-happened, who was answered before is not."""
    async with lane() as (ours, told):
        first, second = sent(ours, 2)
        ours.data_received(b":1\r\nHTTP/1.1 400\r\n")
        assert first.result() == 1
        refused = second.exception()
        assert isinstance(refused, StoreUnavailable)
        assert refused.may_have_happened
        assert not ours.is_open
        assert len(told) == 1
        assert "Protocol error" in str(told[0])


async def test_a_leaving_connection_ends_with_its_last_answer() -> None:
    """It takes no write any more, and what was under way is answered."""
    async with lane() as (ours, told):
        first, second = sent(ours, 1) + sent(ours, 1)
        ours.leave()
        assert not ours.is_free
        ours.data_received(b":1\r\n")
        assert first.result() == 1
        ours.data_received(b":2\r\n")
        assert second.result() == 2
        await asyncio.wait_for(ours.aclose(), FAR_SECONDS)
        assert set(told) == {None}


async def test_what_is_asked_aside_raises_what_redis_said() -> None:
    """A greeting is over with its first error; the replies behind it are awaited by nobody, and disturb nobody."""
    async with lane() as (ours, _):
        greeting = asyncio.ensure_future(ours.ask(("HELLO", 3), ("CLIENT", "SETNAME", "x")))
        await asyncio.sleep(0)
        ours.data_received(b"-NOSCRIPT no\r\n-ERR other\r\n")
        with pytest.raises(NoScriptError):
            await greeting
        (after,) = sent(ours, 1)
        ours.data_received(b"*2\r\n-ERR inside\r\n:2\r\n")
        inside, two = after.result()
        assert isinstance(inside, ResponseError)
        assert two == 2
