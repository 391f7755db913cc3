"""How long the transport waits, and what back-pressure and cancellation leave behind."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from app.upstream.http1.transport import UpstreamTransport
from tests.support.ports import free_port
from tests.upstream.http1.scripted import Caller, answering, ask, post, serving, transporting

CLEAN = "0 active, 0 waiting"


async def silent(caller: Caller) -> None:
    """A script: take everything, say nothing."""
    await caller.hang_up_seen()


async def half(caller: Caller) -> None:
    """A script: half an answer, then silence."""
    await caller.request()
    await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    await caller.hang_up_seen()


async def test_silence_before_the_head_times_out() -> None:
    """No head within the read deadline raises ReadTimeout and closes the connection."""
    async with serving(silent) as server, transporting(read_seconds=0.03) as transport:
        with pytest.raises(httpx.ReadTimeout):
            await ask(transport, server.url)

        assert CLEAN in repr(transport)


async def test_silence_within_the_body_times_out() -> None:
    """A body that stops moving raises ReadTimeout, by the deadline of the request where it has its own."""
    async with serving(half) as server, transporting() as transport:
        with pytest.raises(httpx.ReadTimeout):
            await ask(transport, server.url, extensions={"timeout": {"read": 0.03}})

        assert CLEAN in repr(transport)


async def test_the_read_deadline_starts_anew_with_every_byte() -> None:
    """An answer that takes twice the deadline in all, but is never silent for that long, is received whole."""

    async def script(caller: Caller) -> None:
        await caller.request()
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789":
            await caller.send(bytes([byte]))
            await asyncio.sleep(0.012)  # the pace is what is being tested: 0.6 s against a deadline of 0.25 s

    async with serving(script) as server, transporting(read_seconds=0.25) as transport:
        _, body = await ask(transport, server.url)

    assert body == b"0123456789"


async def test_a_deadline_of_none_never_comes() -> None:
    """A None, in httpx's way, means without limit, also after a wait that had one."""
    proceed = asyncio.Event()

    async def script(caller: Caller) -> None:
        await caller.answer()
        await caller.request()
        await proceed.wait()
        await caller.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with serving(script) as server, transporting(read_seconds=0.05) as transport:
        await ask(transport, server.url)
        asyncio.get_running_loop().call_later(0.15, proceed.set)
        response, _ = await ask(transport, server.url, extensions={"timeout": {"read": None}})

    assert response.status_code == 204


async def test_a_shorter_deadline_is_kept_on_a_used_connection() -> None:
    """The deadline of this request counts, however long an earlier one on the same connection was allowed to wait."""

    async def script(caller: Caller) -> None:
        await caller.answer()
        await caller.hang_up_seen()

    async with serving(script) as server, transporting(read_seconds=60.0) as transport, asyncio.timeout(5):
        await ask(transport, server.url)
        with pytest.raises(httpx.ReadTimeout):
            await ask(transport, server.url, extensions={"timeout": {"read": 0.03}})

        assert server.connections == 1


async def test_a_server_that_does_not_read_times_out_the_upload() -> None:
    """An upload that stops moving raises WriteTimeout."""

    async def script(caller: Caller) -> None:
        caller.writer.transport.pause_reading()  # type: ignore[attr-defined]  # the stream's transport can read, too
        await asyncio.Event().wait()

    async with serving(script) as server, transporting(write_seconds=0.1) as transport:
        with pytest.raises(httpx.WriteTimeout):
            await ask(transport, server.url, content=b"x" * 50_000_000)

        assert CLEAN in repr(transport)


async def test_no_listener_is_a_connect_error() -> None:
    """A refused connection is told apart from everything that happens after dispatch."""
    async with transporting() as transport:
        with pytest.raises(httpx.ConnectError):
            await ask(transport, f"http://127.0.0.1:{free_port()}/")

        assert CLEAN in repr(transport)


async def test_a_connection_that_does_not_come_about_times_out() -> None:
    """A listener whose queue is full never answers: ConnectTimeout, unsent."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(("127.0.0.1", port))
            async with transporting(connect_seconds=0.05) as transport:
                with pytest.raises(httpx.ConnectTimeout):
                    await ask(transport, f"http://127.0.0.1:{port}/")

                assert CLEAN in repr(transport)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "https://127.0.0.1/"])
async def test_what_the_transport_cannot_speak_it_refuses(url: str) -> None:
    """A foreign scheme, or https without a trust store, is refused; it never falls back to plain text."""
    async with transporting(ssl_context=None) as transport:
        with pytest.raises(httpx.UnsupportedProtocol):
            await ask(transport, url)

        assert CLEAN in repr(transport)


async def test_the_consumer_sets_the_pace() -> None:
    """While nobody reads, the server gets stuck long before the end of a large body; then all of it arrives."""
    size = 64_000_000
    sent = 0
    stuck = asyncio.Event()

    async def script(caller: Caller) -> None:
        nonlocal sent
        await caller.request()
        await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        caller.writer.transport.set_write_buffer_limits(0)
        while sent < size:
            caller.writer.write(b"x" * 64_000)
            sent += 64_000
            try:
                await asyncio.wait_for(caller.writer.drain(), 0.2)
            except TimeoutError:
                stuck.set()
                await caller.writer.drain()

    async with serving(script) as server, transporting() as transport:
        response = await transport.handle_async_request(post(server.url))
        async with asyncio.timeout(10):
            await stuck.wait()
        held_in_kernel_and_here = sent
        received = len(await response.aread())

    assert held_in_kernel_and_here < size / 2
    assert size == received


async def after_turns(turns: int, task: asyncio.Task[None]) -> None:
    """Let the loop turn so many times, then cancel."""
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


async def slow_parts() -> AsyncIterator[bytes]:
    """A request body that gives the loop a turn between its pieces."""
    for _ in range(3):
        await asyncio.sleep(0)
        yield b"piece"


async def whole_exchange(transport: UpstreamTransport, url: str, *, streamed: bool) -> None:
    """A request, its answer read to the end; everything closed whatever happens."""
    request = post(
        url, content=slow_parts() if streamed else b"{}", headers={"Content-Length": "15" if streamed else "2"}
    )
    response = await transport.handle_async_request(request)
    try:
        await response.aread()
    finally:
        await response.aclose()


@pytest.mark.parametrize("streamed", [False, True])
async def test_cancellation_at_any_await_leaves_the_pool_consistent(streamed: bool) -> None:
    """However far a request has come when it is cancelled, the only permit is back and the next request is served."""
    completed = False

    async def script(caller: Caller) -> None:
        while True:
            await caller.request()
            for part in (b"HTTP/1.1 200 OK\r\nContent-", b"Length: 4\r\n\r\no", b"kay"):
                await caller.send(part)
                await asyncio.sleep(0)

    async with serving(script) as server, transporting(max_connections=1) as transport:
        for turns in range(60):
            task = asyncio.ensure_future(whole_exchange(transport, server.url, streamed=streamed))
            await after_turns(turns, task)
            completed = completed or not task.cancelled()
            assert CLEAN in repr(transport)
            _, body = await ask(transport, server.url)
            assert body == b"okay"

    assert completed, "the last rounds must be long enough for a whole exchange"


async def test_cancellation_in_the_queue_gives_the_turn_away() -> None:
    """A waiter cancelled before, in, and after the very moment its turn comes never takes the permit with it."""
    async with serving(answering) as server, transporting(max_connections=1) as transport:
        for turns in range(12):
            first = asyncio.ensure_future(whole_exchange(transport, server.url, streamed=False))
            second = asyncio.ensure_future(whole_exchange(transport, server.url, streamed=False))
            third = asyncio.ensure_future(whole_exchange(transport, server.url, streamed=False))
            await after_turns(turns, second)
            await asyncio.gather(first, third)

            assert CLEAN in repr(transport)


async def test_a_callers_total_deadline_ends_the_exchange() -> None:
    """asyncio.timeout around a request is the total deadline: it surfaces as TimeoutError and frees the connection."""
    async with serving(half) as server, transporting() as transport:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ask(transport, server.url)

        assert "0 active, 0 waiting | connections: 0 idle" in repr(transport)
