"""The pretend CometAPI on a real port: its lifecycle, its exchanges, and the handles a test holds it by."""

import asyncio
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Self

from app.simulator.answer import ReceivedRequest
from app.simulator.connection import Connection
from app.simulator.control import CONTROL_PREFIX, control
from app.simulator.delivery import deliver
from app.simulator.exchange import ReadOrder, compose_answer
from app.simulator.links import is_link, open_link
from app.simulator.logbook import WAIT_SECONDS, Logbook
from app.simulator.playbook import Playbook
from app.simulator.refusals import Refusal, RefusalError, refuse
from app.simulator.routes import IMAGE_ROUTES, is_authentic, look_up, loose_prompt
from app.simulator.scenario import Scenario, ScenarioError

MAX_BODY_BYTES = 64 * 1024 * 1024
BACKLOG = 2048
"""Connections the kernel may queue while the loop is busy: a thousand clients come at once."""
PLAIN = Scenario()


class Simulator:
    """A CometAPI of one's own, in the caller's event loop: ``async with Simulator() as simulator: simulator.url``."""

    def __init__(
        self,
        *,
        accepts_key: Callable[[str], bool] | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``accepts_key`` says which keys are good, by default all that begin with ``sk-``; ``tls`` makes it https."""
        self._accepts_key = accepts_key or (lambda key: key.startswith("sk-"))
        self._max_body_bytes = max_body_bytes
        self._tls = tls
        self._scheme = "https" if tls else "http"
        self._playbook = Playbook()
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self.logbook = Logbook()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one, which ``url`` then names."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, host, port, backlog=BACKLOG, ssl=self._tls)

    async def stop(self) -> None:
        """Stop listening, break off what is under way and wait until it has ended."""
        if self._server is None:
            return
        self._server.close()
        connections = list(self._connections)
        tasks = [connection.task for connection in connections if connection.task]
        for task in tasks:
            task.cancel()
        for connection in connections:
            connection.reset()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(connection.gone for connection in connections))
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """The base URL of the API, ``/v1`` included."""
        return f"{self.origin}/v1"

    @property
    def origin(self) -> str:
        """Scheme, host and port, for the routes outside ``/v1``."""
        if self._server is None:
            raise RuntimeError("the simulator is not started")
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{self._scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def default(self) -> Scenario:
        """What is played when neither the queue nor the prompt says anything."""
        return self._playbook.default

    @default.setter
    def default(self, scenario: Scenario) -> None:
        self._playbook.default = scenario

    def next(self, *scenarios: Scenario) -> None:
        """Queue scenarios for the coming image exchanges, one each."""
        self._playbook.next(*scenarios)

    def release(self, number: int | None = None) -> int:
        """Let withheld and stalled exchanges go on, all or the oldest so many; returns how many."""
        return self.logbook.release(number)

    async def waiting(self, number: int, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Wait until at least so many exchanges are withheld, stalled or hung; what they draw is drawn by then."""
        await self.logbook.until(lambda: self.logbook.held >= number, timeout_seconds)

    async def quiet(self, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Wait until no exchange is in flight, those of clients that left included."""
        await self.logbook.until(lambda: self.logbook.in_flight == 0, timeout_seconds)

    def reset(self) -> None:
        """Forget scenarios, counts and requests, and let go what is held."""
        self._playbook.reset()
        self.logbook.reset()

    @property
    def pictures(self) -> int:
        """Pictures drawn, delivered or not: what CometAPI would bill."""
        return self.logbook.tally.pictures

    @property
    def exchanges(self) -> int:
        """Requests received on any but the control routes."""
        return self.logbook.tally.exchanges

    @property
    def in_flight(self) -> int:
        """Exchanges received and not yet over."""
        return self.logbook.in_flight

    @property
    def connections(self) -> int:
        """Connections accepted."""
        return self.logbook.tally.connections

    @property
    def received(self) -> list[ReceivedRequest]:
        """The last requests, oldest first, as they arrived."""
        return list(self.logbook.received)

    def _connect(self) -> Connection:
        connection = Connection(self._serve, self._max_body_bytes)
        self._connections.add(connection)
        self.logbook.tally.connections += 1
        connection.gone.add_done_callback(lambda _: self._forget(connection))
        return connection

    def _forget(self, connection: Connection) -> None:
        """Drop a closed connection, once the exchange it began is over too."""
        if connection.task is None or connection.task.done():
            self._connections.discard(connection)
        else:
            connection.task.add_done_callback(lambda _: self._connections.discard(connection))

    async def _serve(self, connection: Connection, request: ReceivedRequest) -> None:
        if request.path.startswith(CONTROL_PREFIX):
            answer = control(request, self._playbook, self.logbook)
            await deliver(connection, answer, PLAIN, self.logbook, keep_alive=request.keep_alive)
            return
        self.logbook.begin(request)
        try:
            read_order = IMAGE_ROUTES.get(request.path) if request.method == "POST" else None
            if read_order is not None and is_authentic(request, self._accepts_key):
                await self._play(connection, request, read_order)
            elif is_link(request):
                target = request.path + (f"?{request.query}" if request.query else "")
                answer, manner = open_link(self.logbook.files.get(target))
                await deliver(connection, answer, manner, self.logbook, keep_alive=request.keep_alive)
            else:
                answer = look_up(request, self.logbook, self._accepts_key)
                await deliver(connection, answer, PLAIN, self.logbook, keep_alive=request.keep_alive)
        finally:
            self.logbook.end()

    async def _play(self, connection: Connection, request: ReceivedRequest, read_order: ReadOrder) -> None:
        """One image exchange: choose the scenario, decide the answer, let time pass, deliver."""
        loop = asyncio.get_running_loop()
        started, scenario = loop.time(), PLAIN
        try:
            scenario = self._playbook.choose(loose_prompt(request))
            answer = await compose_answer(request, scenario, read_order, self.logbook, self._scheme)
        except RefusalError as error:
            answer = refuse(error.refusal)
        except ScenarioError as error:
            answer = refuse(Refusal(400, str(error)))
        await asyncio.sleep(max(started + scenario.latency_seconds - loop.time(), 0))
        if scenario.withhold:
            await self.logbook.park(releasable=True)
        await deliver(connection, answer, scenario, self.logbook, keep_alive=request.keep_alive)
