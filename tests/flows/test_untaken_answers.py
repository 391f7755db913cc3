"""Answers that nobody takes: they keep no connection, no place and no stop waiting, whoever asked for them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from app.simulator.server import Simulator
from tests.support.gateway import Gateway, running_gateway
from tests.support.waiting import until

PUBLIC = b"GET /openapi.json HTTP/1.1\r\nHost: g\r\n\r\n"
"""Long, and for everybody."""
LAST = b"GET /openapi.json HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n"
MOST_CONNECTIONS = 104
"""Of a gateway with one place."""
SEVERAL = 15
"""Of these answers do not fit into what the kernel holds for one who reads nothing."""


@contextmanager
def deaf(gateway: Gateway, number: int, sent: bytes) -> Iterator[None]:
    """So many clients that ask, and never read."""
    clients = [socket.socket() for _ in range(number)]
    try:
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.connect(("127.0.0.1", int(gateway.address.rsplit(":", 1)[1])))
            client.sendall(sent)
        yield
    finally:
        for client in clients:
            client.close()


async def the_connection(gateway: Gateway) -> Any:
    """The server's side of the only one; None where there is none."""
    return next(iter(gateway.server.server_state.connections), None)


@asynccontextmanager
async def small(redis_url: str, folder: Path, simulator: Simulator, **given: Any) -> AsyncIterator[Gateway]:
    """A gateway with one place."""
    async with running_gateway(redis_url, folder, simulator, max_in_flight=1, **given) as gateway:
        yield gateway


async def test_they_keep_nobody_out(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """As many as there may be connections take nothing of what is public: the next client is served all the same."""
    async with small(redis_url, tmp_path, simulator) as gateway:
        with deaf(gateway, MOST_CONNECTIONS, PUBLIC * SEVERAL):

            async def all_are_there() -> bool:
                return gateway.connections == MOST_CONNECTIONS

            async def another_is_served() -> bool:
                async with gateway.http() as client:
                    return (await client.get("/healthz")).status_code == 200

            await until(all_are_there)
            await until(another_is_served)  # as soon as they are seen to take nothing
            assert await another_is_served()


async def test_a_closing_has_an_end(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """A connection that is to be closed behind its last answer is dropped where that is not taken in time."""
    async with small(redis_url, tmp_path, simulator, send_seconds=0.5) as gateway:
        with deaf(gateway, 3, PUBLIC * SEVERAL + LAST):

            async def all_have_come_and_gone() -> bool:
                return gateway.server.server_state.total_requests >= 3 and gateway.connections == 0

            await until(all_have_come_and_gone)


async def test_so_has_the_rest_of_an_answer(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """A client that takes an answer but for its last kilobytes is dropped, too."""
    async with small(redis_url, tmp_path, simulator, send_seconds=0.5) as gateway:
        with socket.socket() as client:
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, ("127.0.0.1", int(gateway.address.rsplit(":", 1)[1])))
            protocol = await until(partial(the_connection, gateway))
            # So little that the kernel does not take the last kilobytes all at once.
            protocol.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            await loop.sock_sendall(client, PUBLIC)

            async def is_paused() -> bool:
                return bool(protocol.flow.write_paused)

            await until(is_paused)
            while await is_paused():
                await loop.sock_recv(client, 1024)

            assert protocol.transport.get_write_buffer_size()

            async def is_dropped() -> bool:
                return gateway.connections == 0

            await until(is_dropped)


async def test_a_stop_waits_for_none(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """A gateway that is told to stop does not spend its patience for requests on those who take nothing."""
    async with asyncio.timeout(60), small(redis_url, tmp_path, simulator, drain_seconds=600, send_seconds=5) as gateway:
        with deaf(gateway, 3, PUBLIC * SEVERAL):

            async def all_are_there() -> bool:
                return gateway.connections == 3

            await until(all_are_there)
            gateway.server.should_exit = True

            async def all_are_gone() -> bool:
                return gateway.connections == 0

            await until(all_are_gone, seconds=30)
