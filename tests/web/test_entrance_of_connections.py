"""A crowd on real connections, all of which ask before any is looked at: nobody's bytes are lost, mixed or cut."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from app.metrics import Metrics
from app.web.connections import Connections
from app.web.entrance import AT_ONCE, Entrance
from app.web.protocol import EdgeProtocol
from app.web.turned_away import TurnedAway
from app.web.wire import ENTRANCE_SECONDS

CROWD = 5 * AT_ONCE
LARGE = b"0123456789abcdef" * 6_250
"""100 kB: more than is held of a request before its client has to wait with the rest."""
CUT = 80_000


class Site:
    """An application that says what it got, and the protocols in front of it."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.waited: list[str] = []
        self.protocols: list[EdgeProtocol] = []
        self.began: Callable[[], None] = lambda: None
        self.ends: Callable[[], Awaitable[object]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        if scope["state"].get(ENTRANCE_SECONDS):
            self.waited.append(scope["path"])
        self.began()
        body, is_whole = b"", False
        while not is_whole:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            is_whole = not message["more_body"]
        if self.ends is not None:
            await self.ends()
        said = b"%b %d" % (scope["path"].encode(), len(body))
        headers = [(b"content-length", b"%d" % len(said))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": said})


@asynccontextmanager
async def served(site: Site, *, head_seconds: float = 30, most: int = 1000) -> AsyncIterator[tuple[str, int]]:
    """The address where the site is, behind protocols as `serve` makes them."""
    config = uvicorn.Config(site, log_config=None, lifespan="off")
    given: dict[str, Any] = {"connections": Connections(most), "entrance": Entrance()}
    state = ServerState()
    given |= {"turned_away": TurnedAway(Metrics("0", "0")), "head_seconds": head_seconds, "send_seconds": 30}

    def protocol() -> EdgeProtocol:
        site.protocols.append(EdgeProtocol(config, state, {}, **given))
        return site.protocols[-1]

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, backlog=2 * CROWD)
    async with server:
        yield server.sockets[0].getsockname()
        while state.connections:
            state.connections.copy().pop().hang_up()  # type: ignore[union-attr] # all of them are ours
            await asyncio.sleep(0)
        await asyncio.gather(*state.tasks)


@pytest.fixture
def lines() -> Iterator[ExitStack]:
    """What closes a test's connections."""
    with ExitStack() as stack:
        yield stack


def crowd(address: tuple[str, int], sent: Callable[[int], bytes], lines: ExitStack) -> list[socket.socket]:
    """Connections on which all of this is sent before the loop, which stands still meanwhile, looks at any."""
    asking = []
    for number in range(CROWD):
        line = lines.enter_context(socket.create_connection(address, timeout=10))
        line.sendall(sent(number))
        line.setblocking(False)
        asking.append(line)
    return asking


def request(path: str, body: bytes = b"", method: str = "POST") -> bytes:
    """A request on a connection that is kept."""
    head = f"{method} {path} HTTP/1.1\r\nHost: gateway\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def answer(line: socket.socket) -> bytes:
    """The status and the body of the next answer, "200 ..."; empty where the connection ended without one."""
    return (await answers_of(line, 1))[0]


async def answers_of(line: socket.socket, number: int) -> list[bytes]:
    """So many answers, one behind the other."""
    loop, received, found = asyncio.get_running_loop(), b"", list[bytes]()
    while len(found) < number:
        head, end, rest = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]) if end else 0
        if end and len(rest) >= length:
            found.append(head[9:13] + rest[:length])
            received = rest[length:]
        elif piece := await asyncio.wait_for(loop.sock_recv(line, 65_536), 20):
            received += piece
        else:
            found.append(b"")
    return found


async def test_all_of_a_crowd_are_answered_each_time(lines: ExitStack) -> None:
    """Sixty ask at once, and again on the same connections: each gets its own answer; who had to wait is told of."""
    site = Site()
    async with served(site) as address:
        asking = crowd(address, lambda number: request(f"/{number}", b"x" * number), lines)
        first = [await answer(line) for line in asking]
        waited = len(site.waited)
        for number, line in enumerate(asking):
            line.sendall(request(f"/{number}", b"x"))
        second = [await answer(line) for line in asking]

    assert first == [b"200 /%d %d" % (number, number) for number in range(CROWD)]
    assert second == [b"200 /%d 1" % number for number in range(CROWD)]
    assert waited == CROWD - AT_ONCE
    assert len(site.waited) == 2 * waited


async def test_a_large_body_waits_with_its_client(lines: ExitStack) -> None:
    """What comes behind a head that waits arrives whole, and in order."""
    site, loop = Site(), asyncio.get_running_loop()
    async with served(site) as address:
        asking = crowd(address, lambda number: request(f"/{number}", LARGE)[:CUT], lines)
        rest = [
            asyncio.ensure_future(loop.sock_sendall(line, request(f"/{number}", LARGE)[CUT:]))
            for number, line in enumerate(asking)
        ]
        answers = [await answer(line) for line in asking]
        await asyncio.gather(*rest)

    assert answers == [b"200 /%d %d" % (number, len(LARGE)) for number in range(CROWD)]
    assert len(site.waited) == CROWD - AT_ONCE


async def test_other_methods_pass_a_crowd(lines: ExitStack) -> None:
    """What a supervisor asks does not stand behind those who want pictures."""
    site = Site()
    async with served(site) as address:
        methods = ["POST"] * (CROWD - 1) + ["GET"]
        asking = crowd(address, lambda number: request(f"/{methods[number]}", method=methods[number]), lines)
        answers = [await answer(line) for line in asking]

    assert answers == [b"200 /%b 0" % method.encode() for method in methods]
    assert "/GET" in site.paths
    assert site.waited == ["/POST"] * (CROWD - 1 - AT_ONCE)


async def test_who_goes_is_not_begun(lines: ExitStack) -> None:
    """Every second one hangs up as soon as it has asked: the others are answered, and nothing is done for those."""
    site = Site()
    async with served(site) as address:
        asking = crowd(address, lambda number: request(f"/{number}"), lines)
        for line in asking[::2]:
            line.close()
        answers = [await answer(line) for line in asking[1::2]]

    assert answers == [b"200 /%d 0" % number for number in range(1, CROWD, 2)]
    assert len(site.paths) <= CROWD // 2 + AT_ONCE  # it is seen in the turn after next


async def test_who_waits_as_it_stops_is_answered(lines: ExitStack) -> None:
    """The server stops while a crowd stands before it: what had come is served."""
    site = Site()

    def stop() -> None:
        for protocol in site.protocols:
            protocol.shutdown()

    site.began = stop
    async with served(site) as address:
        asking = crowd(address, lambda number: request(f"/{number}"), lines)
        answers = [await answer(line) for line in asking]

    assert answers == [b"200 /%d 0" % number for number in range(CROWD)]


async def test_the_limit_of_a_head_is_that_of_others(lines: ExitStack) -> None:
    """A head that is too large is refused as soon as it is looked at: one that waited, and one on a kept connection."""
    site = Site()
    async with served(site) as address:
        asking = crowd(address, lambda number: request(f"/{number}"), lines)
        kept = [await answer(line) for line in asking]
        for line in asking:
            line.sendall(b"POST / HTTP/1.1\r\nx: " + b"a" * 100_000)
        answers = [await answer(line) for line in asking]

    assert {given[:4] for given in kept} == {b"200 "}
    assert {given[:4] for given in answers} == {b"431 "}


async def test_what_was_pipelined_meanwhile_is_read_as_ever(lines: ExitStack) -> None:
    """A further request that comes while the first waits, with an offer to upgrade: both have their bodies."""
    site, loop = Site(), asyncio.get_running_loop()
    further = request("/further", b"abc").replace(b"\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n", 1)
    came: list[asyncio.Future[None]] = []

    def pipeline() -> None:
        if not came:
            came.extend(asyncio.ensure_future(loop.sock_sendall(line, further)) for line in asking)

    site.began = pipeline
    async with served(site) as address:
        asking = crowd(address, lambda number: request(f"/{number}"), lines)
        answers = [await answers_of(line, 2) for line in asking]
        await asyncio.gather(*came)

    assert answers == [[b"200 /%d 0" % number, b"200 /further 3"] for number in range(CROWD)]


async def test_who_asked_and_begins_to_ask_again_is_not_hung_up_on(lines: ExitStack) -> None:
    """A whole request that waited with the beginning of a next one: the connection makes room for nobody."""
    site, have_all_begun, may_end = Site(), asyncio.Event(), asyncio.Event()
    site.began = lambda: have_all_begun.set() if len(site.paths) == CROWD else None
    site.ends = may_end.wait
    async with served(site, most=CROWD) as address:
        asking = crowd(address, lambda number: request(f"/{number}") + b"POST /ne", lines)
        await asyncio.wait_for(have_all_begun.wait(), 20)
        late = lines.enter_context(socket.create_connection(address, timeout=10))
        late.setblocking(False)
        turned_away = await answer(late)
        may_end.set()
        answers = [await answer(line) for line in asking]

    assert turned_away[:4] == b"503 "
    assert answers == [b"200 /%d 0" % number for number in range(CROWD)]


async def test_half_a_head_has_its_deadline(lines: ExitStack) -> None:
    """Who waited with less than a head has as long for the rest of it as anybody else, and is told then."""
    site = Site()
    async with served(site, head_seconds=1) as address:
        asking = crowd(address, lambda number: request(f"/{number}")[:20], lines)
        answers = [await answer(line) for line in asking]

    assert {given[:4] for given in answers} == {b"408 "}
    assert site.paths == []
