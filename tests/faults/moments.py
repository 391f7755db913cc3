"""Moments of a request at which its gateway dies: how each is reached, and what the books have to say afterwards.

A moment is brought about by what the pretend CometAPI plays, and is recognised by what a client, the upstream, Redis or
the disk can see of it; nothing inside the gateway is touched.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import orjson

from app.accounts.models import Team
from app.simulator.scenario import Fault, Scenario
from app.simulator.server import Simulator
from tests.faults.accounting import BOAT, GENERATIONS, Accounting
from tests.support.redis_server import RedisServer
from tests.support.s3_server import client_environment
from tests.support.waiting import until

LARGE = Scenario(padding_bytes=1_000_000)
BEYOND_BUFFERS = 32 * 1024 * 1024
"""More than two kernels' sockets hold for a client that does not read."""
SKELETON = 0.00001
"""Of a megabyte: the first ten bytes."""


@dataclass(slots=True)
class Scene:
    """A gateway that is about to die, and everything around it that can be seen."""

    books: Accounting
    team: Team
    key: dict[str, str]
    client: httpx.AsyncClient
    simulator: Simulator
    redis: RedisServer
    folder: Path
    clients: list[asyncio.Task[httpx.Response]] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)

    def ask(self, body: Mapping[str, Any] = BOAT) -> None:
        """A client asks, and waits for as long as the gateway lives."""
        asking = asyncio.create_task(self.client.post(GENERATIONS, json=body, headers=self.key))
        self.clients.append(asking)

    def write(self, body: bytes, *, length: int | None = None, **headers: str) -> socket.socket:
        """A client that writes what it wants to say, and reads nothing unless it is told to."""
        url = self.client.base_url
        lines = [f"POST {GENERATIONS} HTTP/1.1", f"Host: {url.host}", "Content-Type: application/json"]
        lines += [f"Content-Length: {len(body) if length is None else length}"]
        lines += [f"{name}: {value}" for name, value in (self.key | headers).items()]
        connection = socket.create_connection((url.host, url.port or 80))
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        connection.setblocking(False)
        self.sockets.append(connection)
        return connection

    async def begun(self, **fields: Any) -> None:
        """A client asks and has the first bytes of its answer."""
        connection = self.write(orjson.dumps(BOAT | fields))
        assert await asyncio.get_running_loop().sock_recv(connection, 4096)

    def journalled(self) -> bool:
        """Whether a record lies in the journal."""
        return any(path.stat().st_size for path in (self.folder / "journal").glob("*.journal"))

    async def close(self) -> None:
        """Let every client go."""
        await asyncio.gather(*self.clients, return_exceptions=True)
        for connection in self.sockets:
            connection.close()


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment, and the outcomes of the charged ledger entries that it must leave; ``()``: none at all.

    ``unknown`` is charged at the quote, ``delivered`` at the true cost.
    """

    name: str
    reach: Callable[[Scene], Awaitable[None]]
    outcomes: tuple[str, ...] = ("unknown",)
    around: Callable[[Path], AbstractAsyncContextManager[dict[str, str]]] | None = None
    """What stands around the gateway for it, given its data folder, and the settings that lead there."""


async def body_incomplete(scene: Scene) -> None:
    """The gateway has said that it wants the body, and has half of it."""
    connection = scene.write(b"", length=100, Expect="100-continue")
    loop = asyncio.get_running_loop()
    assert b" 100 " in await loop.sock_recv(connection, 4096)
    await loop.sock_sendall(connection, b'{"model": "gpt-image-2",')


async def connecting(scene: Scene) -> None:
    """Admitted, and nobody takes the connection to the upstream."""
    scene.ask()

    async def held() -> bool:
        return bool((await scene.books.usage.standing(scene.team.id)).held)

    await until(held)


async def upstream_thinks(scene: Scene) -> None:
    """The upstream has the request and has not answered."""
    scene.simulator.next(Scenario(withhold=True))
    scene.ask()
    await scene.simulator.waiting(1)


async def in_the_skeleton(scene: Scene) -> None:
    """The upstream's answer has begun, its picture has not."""
    scene.simulator.next(replace(LARGE, fault=Fault.STALL_MID_BODY, fault_at=SKELETON))
    scene.ask()
    await scene.simulator.waiting(1)


async def in_the_picture(scene: Scene) -> None:
    """The client has some of its picture, the upstream has given half of it."""
    scene.simulator.next(replace(LARGE, fault=Fault.STALL_MID_BODY))
    await scene.begun()
    await scene.simulator.waiting(1)


async def answer_unread(scene: Scene) -> None:
    """All is done, and the client has read nothing."""
    scene.write(orjson.dumps(BOAT))
    await scene.books.resolved(scene.team, 1)


async def events_unread(scene: Scene) -> None:
    """A whole answer was collected and settled, and is too large to leave while the client does not read."""
    scene.simulator.next(Scenario(padding_bytes=BEYOND_BUFFERS, ignores_stream=True))
    scene.write(orjson.dumps(BOAT | {"stream": True}))
    await scene.books.resolved(scene.team, 1)


async def between_events(scene: Scene) -> None:
    """Of a stream the first event is here, the second is not."""
    scene.simulator.next(Scenario(fault=Fault.STALL_MID_BODY, fault_event=1, fault_at=0))
    await scene.begun(stream=True, partial_images=2)
    await scene.simulator.waiting(1)


async def storing(scene: Scene) -> None:
    """The picture was settled and is on its way into an object store that does not answer."""
    scene.simulator.next(LARGE)
    scene.ask(BOAT | {"response_format": "url"})

    async def uploads() -> bool:
        return (scene.folder / "uploading").exists()

    await until(uploads)


async def fan_out_half_done(scene: Scene) -> None:
    """Of three exchanges two are done, the third has no answer."""
    scene.simulator.next(Scenario(), Scenario(), Scenario(withhold=True))
    scene.ask({"model": "qwen-image", "prompt": "three paper boats", "n": 3})
    await scene.simulator.waiting(1)
    await scene.simulator.logbook.until(lambda: scene.simulator.exchanges == 3 and scene.simulator.in_flight == 1)


async def frozen_at_settlement(scene: Scene) -> None:
    """Redis froze while the upstream worked; the picture went out on the journal's word."""
    scene.simulator.next(Scenario(withhold=True))
    scene.ask()
    await scene.simulator.waiting(1)
    scene.redis.pause()
    scene.simulator.release()
    assert (await scene.clients[-1]).status_code == 200
    assert scene.journalled()


async def both_dead(scene: Scene) -> None:
    """Redis died while the upstream worked, and will only come back on its file."""
    scene.simulator.next(Scenario(withhold=True))
    scene.ask()
    await scene.simulator.waiting(1)
    scene.redis.kill()
    scene.simulator.release()
    assert (await scene.clients[-1]).status_code == 200
    assert scene.journalled()


async def frozen_at_admission(scene: Scene) -> None:
    """Redis froze with the admission on its way: it will happen when it thaws, and must come to nothing.

    The picture before it made the gateway know the key, so that the admission is what it asks of Redis first.
    """
    scene.ask()
    await scene.clients[-1]
    scene.redis.pause()
    scene.ask()
    assert (await scene.clients[-1]).status_code == 503
    assert scene.journalled()


async def waiting_its_turn(scene: Scene) -> None:
    """One request has the team's only slot, another waits for it."""
    scene.simulator.next(Scenario(withhold=True))
    scene.ask()
    await scene.simulator.waiting(1)
    scene.ask()

    async def queued() -> bool:
        return bool(scene.redis.ask("ZCARD", f"ig:{{{scene.team.id}}}:queue"))

    await until(queued)


@asynccontextmanager
async def deaf_upstream(_folder: Path) -> AsyncIterator[dict[str, str]]:
    """An address where connections are not taken, because nobody accepts those that wait already."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as first:
        first.connect(listener.getsockname())
        yield {"COMETAPI_BASE_URL": f"http://127.0.0.1:{listener.getsockname()[1]}/v1"}


@asynccontextmanager
async def silent_store(folder: Path) -> AsyncIterator[dict[str, str]]:
    """An object store that takes what it is given and never says a word; an upload leaves a file ``uploading``."""
    connections: list[asyncio.StreamWriter] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        if (await reader.readline()).startswith(b"PUT"):
            (folder / "uploading").touch()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield client_environment(f"http://127.0.0.1:{port}") | {"IMAGEGATE_IMAGE_STORE": "s3://pictures"}
        for writer in connections:
            writer.close()


MOMENTS = (
    Moment("in the middle of the request's body", body_incomplete, ()),
    Moment("admitted, connecting to the upstream", connecting, around=deaf_upstream),
    Moment("the upstream has the request", upstream_thinks),
    Moment("in the skeleton of the answer", in_the_skeleton),
    Moment("in the middle of a picture", in_the_picture),
    Moment("answered, and the client has not read it", answer_unread, ("delivered",)),
    Moment("collected, and the client does not read", events_unread, ("delivered",)),
    Moment("in a stream between two events", between_events),
    Moment("a picture is being stored behind its link", storing, ("delivered",), around=silent_store),
    Moment("in a fan-out with some parts done", fan_out_half_done),
    Moment("settled in the journal, Redis frozen", frozen_at_settlement, ("delivered",)),
    Moment("settled in the journal, Redis dead", both_dead, ("delivered",)),
    Moment("admission under way, Redis frozen", frozen_at_admission, ("delivered",)),
    Moment("waiting for a turn", waiting_its_turn),
)
