"""Which connections the transport keeps, shares and closes."""

import asyncio
import os
import socket

import httpx
import pytest

from tests.upstream.http1.scripted import Caller, answering, ask, post, serving, transporting


class Clock:
    """Time as a test sets it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def open_answer(caller: Caller) -> None:
    """A script: the head of an answer whose body does not end until the client leaves."""
    await caller.request()
    await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    await caller.hang_up_seen()


async def test_a_connection_serves_one_request_after_the_other() -> None:
    """Sequential requests share one connection; the pool shows it idle in between."""
    async with serving(answering) as server, transporting() as transport:
        for _ in range(3):
            await ask(transport, server.url)

        assert server.connections == 1
        assert (
            repr(transport)
            == "<UpstreamTransport <Pool [requests: 0 active, 0 waiting | connections: 1 idle, 1 open]>>"
        )


async def test_a_connection_closed_while_idle_is_not_used() -> None:
    """A server that closes after its answer, without saying so in it, costs a new connection and no error."""

    async def script(caller: Caller) -> None:
        await caller.answer()

    async with serving(script) as server, transporting() as transport:
        for _ in range(20):
            await ask(transport, server.url)

        assert server.connections == 20


@pytest.mark.parametrize("farewell", [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"])
async def test_what_the_loop_has_not_seen_yet_is_seen_before_reuse(farewell: bytes) -> None:
    """A close or stray bytes that the loop has had no turn to see are found in the kernel: a new connection is used."""
    sockets: list[asyncio.WriteTransport] = []

    async def script(caller: Caller) -> None:
        sockets.append(caller.writer.transport)
        while True:
            await caller.answer()

    async with serving(script) as server, transporting() as transport:
        await ask(transport, server.url)
        # Written and closed here, by hand: no turn of the loop lies between this and the next request.
        with socket.socket(fileno=os.dup(sockets[0].get_extra_info("socket").fileno())) as server_side:
            if farewell:
                server_side.send(farewell)
            else:
                server_side.shutdown(socket.SHUT_WR)
        response, body = await ask(transport, server.url)

        assert (response.status_code, body) == (200, b"ok")
        assert server.connections == 2


async def test_unasked_bytes_close_an_idle_connection() -> None:
    """An answer nobody asked for makes the connection unfit, so the next request cannot receive it as its own."""
    closed = asyncio.Event()

    async def script(caller: Caller) -> None:
        await caller.answer()
        if caller.number == 1:
            await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
            await caller.hang_up_seen()
            closed.set()
        else:
            await caller.hang_up_seen()

    async with serving(script) as server, transporting() as transport:
        _, first = await ask(transport, server.url)
        await closed.wait()
        _, second = await ask(transport, server.url)

    assert (first, second) == (b"ok", b"ok")


async def test_requests_beyond_the_limit_wait_their_turn() -> None:
    """Two connections, six requests at once: two are served, four wait, all are answered, first come first served."""
    order: list[int] = []
    both_sent = asyncio.Event()
    gate = asyncio.Event()

    async def script(caller: Caller) -> None:
        while True:
            await caller.head()
            await gate.wait()
            await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async with serving(script) as server, transporting(max_connections=2) as transport:

        async def one(number: int) -> None:
            def note() -> None:
                order.append(number)
                if len(order) == 2:
                    both_sent.set()

            request = httpx.Request("GET", server.url, extensions={"dispatched": note})
            await (await transport.handle_async_request(request)).aread()

        async with asyncio.TaskGroup() as tasks:
            for number in range(6):
                tasks.create_task(one(number))
            await both_sent.wait()
            assert "2 active, 4 waiting" in repr(transport)
            gate.set()

        assert order[2:] == [2, 3, 4, 5]
        assert server.connections == 2


async def test_waiting_for_a_connection_has_its_own_deadline() -> None:
    """When none comes free in time the request fails with PoolTimeout, unsent, and nothing is left behind."""
    async with serving(open_answer) as server, transporting(max_connections=1) as transport:
        response = await transport.handle_async_request(post(server.url))
        with pytest.raises(httpx.PoolTimeout):
            await ask(transport, server.url, extensions={"timeout": {"pool": 0.02}})
        assert "1 active, 0 waiting" in repr(transport)
        await response.aclose()

        assert "0 active, 0 waiting" in repr(transport)


async def test_idle_connections_expire() -> None:
    """A connection idle for too long is not used again, even if nobody has closed it."""
    clock = Clock()
    async with serving(answering) as server, transporting(idle_seconds=30.0, clock=clock) as transport:
        await ask(transport, server.url)
        clock.now += 29.0
        await ask(transport, server.url)
        assert server.connections == 1
        clock.now += 30.0
        await ask(transport, server.url)

        assert server.connections == 2


async def test_expired_connections_are_closed_without_a_request() -> None:
    """The pool closes expired connections by itself, so a quiet gateway holds no stale sockets."""
    closed = asyncio.Event()

    async def script(caller: Caller) -> None:
        await caller.answer()
        await caller.hang_up_seen()
        closed.set()

    async with serving(script) as server, transporting(idle_seconds=0.05) as transport:
        await ask(transport, server.url)
        async with asyncio.timeout(5):
            await closed.wait()

        assert "0 idle" in repr(transport)


async def test_only_so_many_idle_connections_are_kept() -> None:
    """After a burst the pool keeps ``max_idle_connections`` of them."""
    async with serving(answering) as server, transporting(max_idle_connections=1) as transport:
        await asyncio.gather(*(ask(transport, server.url) for _ in range(4)))

        assert "connections: 1 idle" in repr(transport)


async def test_another_origin_makes_room_for_itself() -> None:
    """At the limit, the idle connection of one origin is closed for a request to another; none is shared."""
    seen: list[str] = []
    async with (
        serving(answering) as one,
        serving(answering) as other,
        transporting(max_connections=1) as transport,
    ):
        for server in (one, other, one):
            await ask(transport, server.url, extensions={"dispatched": lambda: seen.append(repr(transport))})

        assert all("1 active, 0 waiting | connections: 0 idle" in pool for pool in seen)
        assert (one.connections, other.connections) == (2, 1)


async def test_closing_ends_everything() -> None:
    """Closing ends idle connections and those in use, fails those who wait, and later requests; nothing stays open."""
    async with serving(open_answer) as server, transporting(max_connections=1) as transport:
        response = await transport.handle_async_request(post(server.url))
        waiting = asyncio.ensure_future(transport.handle_async_request(post(server.url)))
        await asyncio.sleep(0)  # one turn: the request has joined the queue
        assert "1 active, 1 waiting" in repr(transport)
        await transport.aclose()

        with pytest.raises(httpx.ReadError):
            await response.aread()
        with pytest.raises(httpx.ConnectError):
            await waiting
        with pytest.raises(httpx.ConnectError):
            await ask(transport, server.url)
        assert "0 active, 0 waiting | connections: 0 idle, 0 open" in repr(transport)


async def test_a_connection_that_dies_at_birth_is_forgotten() -> None:
    """A server that accepts and hangs up at once costs an error each time; no connection stays in the books."""

    async def script(caller: Caller) -> None:
        caller.writer.transport.abort()

    async with serving(script) as server, transporting() as transport:
        for _ in range(10):
            with pytest.raises(httpx.TransportError):
                await ask(transport, server.url)
        await transport.aclose()

        assert repr(transport).endswith("0 idle, 0 open]>>")
