"""``imagegate serve``: the gateway as a process, from its Redis to its last request."""

import asyncio
import logging
import os
import resource
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import ip_address
from types import FrameType
from typing import Any

import click
import uvicorn
from typing_extensions import override

from app.admin.guard import OwnAddress
from app.cli.addresses import unusable
from app.cli.local import owned_redis
from app.cli.tuning import returning_memory, tune_allocator, tune_collector
from app.embedded.errors import EmbeddedError
from app.embedded.lock import SERVE
from app.errors import GatewayError, StoreUnavailable
from app.logs import configure_logging, logs_are_text
from app.main import create_app
from app.metrics import Metrics
from app.settings.fields import Settings
from app.web.connections import Connections
from app.web.entrance import Entrance
from app.web.protocol import EdgeProtocol
from app.web.turned_away import TurnedAway
from app.wiring.services import Services, open_services
from app.wiring.version import VERSION

log = logging.getLogger(__name__)

_DESCRIPTORS_EACH = 22
"""A request in flight has two sockets, and the largest edit eighteen pictures in the spool and an answer."""

_CONNECTIONS_EACH = 4
"""For each place: who has it, who waits for it, who fetches a kept answer, who looks at a hosted picture."""

_LAST_WORDS_SECONDS = 15.0
"""More than a request that is cut off needs to be resolved (`app.ledger.shelter`)."""

Ready = Callable[[Services, str, str], Awaitable[None]]
"""Called once the gateway listens: its services, its address (``http://127.0.0.1:8080``), the operator's door's."""


def run_until_stopped(settings: Settings, work: Callable[[socket.socket], Coroutine[Any, Any, None]]) -> None:
    """Run a gateway's work on its listening socket, in an event loop of its own, until a signal ends it.

    Raises:
        click.ClickException: it cannot start; the message says why and what to do.

    """
    os.umask(0o077)  # pictures, answers and books are nobody else's, whatever the umask of the operator's shell
    configure_logging(settings.log_level, settings.log_format)
    _forbid_core_dumps()
    tune_allocator()
    stop = _Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn stops at a signal and then raises it again, for the handler that was there before. That must not end
        # the process in its tracks: Redis and the journal are still to be closed.
        signal.signal(number, stop)
    _raise_descriptor_limit(_DESCRIPTORS_EACH * settings.max_in_flight + 100)
    listener = _listen(settings.host, settings.port, "IMAGEGATE_PORT or IMAGEGATE_HOST")
    try:
        with asyncio.Runner(loop_factory=_event_loop()) as runner:
            runner.run(work(listener))
    except EmbeddedError as error:
        raise click.ClickException(str(error)) from None
    except GatewayError as error:
        raise click.ClickException(f"{error.message} {error.detail}".strip()) from None
    except OSError as error:
        raise unusable(error) from error
    finally:
        listener.close()


async def serve_gateway(settings: Settings, listener: socket.socket, ready: Ready, purpose: str = SERVE) -> None:
    """Open everything, serve, and close everything in reverse."""
    # Port 0 is known only now, and links to pictures name it.
    reached = settings.model_copy(update={"port": listener.getsockname()[1]})
    note("starting", "starting", version=VERSION, address=_address(listener), redis=_redis_kind(settings))
    with _operators_listener(settings, listener) as own:
        async with owned_redis(settings, purpose) as url, open_services(reached, url) as services:
            await _expect_redis(services)

            async def listening() -> None:
                await ready(services, _address(listener), _address(own or listener))
                if own is not None:
                    hint(f"The operator's door is at {_address(own)}/admin/v1, and nowhere else")

            address = None if own is None else _own_address(own, listener)
            config = server_config(create_app(services, address), settings, services.metrics)
            tune_collector()
            async with returning_memory(services.places):
                await _Server(config, listening, services).serve(sockets=[listener, *([own] if own else [])])
    note("stopped", "stopped")


@contextmanager
def _operators_listener(settings: Settings, public: socket.socket) -> Iterator[socket.socket | None]:
    """The operator's own listening socket; None where the settings want none."""
    if settings.admin_port is None:
        yield None
        return
    host = settings.admin_host or settings.host
    with _listen(host, settings.admin_port, "IMAGEGATE_ADMIN_PORT or IMAGEGATE_ADMIN_HOST") as own:
        host, port = own.getsockname()[:2]
        if port == public.getsockname()[1] and ip_address(host.partition("%")[0]).is_unspecified:
            raise click.ClickException(
                f"Nobody could tell the two doors apart: both listen at port {port}, the operator's at every address. "
                "Set another IMAGEGATE_ADMIN_PORT, or one address as IMAGEGATE_ADMIN_HOST."
            )
        yield own


def _own_address(own: socket.socket, public: socket.socket) -> OwnAddress:
    host, port = own.getsockname()[:2]
    return OwnAddress(host.partition("%")[0], port, public.getsockname()[1])


async def _expect_redis(services: Services) -> None:
    try:
        await services.datastore.ping()
    except StoreUnavailable as error:
        raise click.ClickException(f"Redis does not answer; look at IMAGEGATE_REDIS_URL. {error.detail}") from None


def announce(event: str, text: str, **fields: object) -> None:
    """Tell whoever started this process: in words on a terminal, as an event with its fields where logs are JSON."""
    hint(text)
    note(event, text, **fields)


def hint(text: str) -> None:
    """Say something that helps whoever sits at a terminal, and nobody else."""
    if logs_are_text():
        click.echo(text, err=True)


def note(event: str, text: str, **fields: object) -> None:
    """Log an event of the process's life, where logs are JSON."""
    if not logs_are_text():
        log.info(text, extra={"event": event, **fields})


def _redis_kind(settings: Settings) -> str:
    """``embedded``, or the scheme of the address: the rest of it may hold a password."""
    url = settings.redis_url
    return "embedded" if url is None else url.get_secret_value().partition("://")[0]


def server_config(app: Callable[..., Any], settings: Settings, metrics: Metrics) -> uvicorn.Config:
    """How uvicorn serves us: no lifespan, no logs of its own, no WebSocket, nothing in the answers but our headers."""
    return uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        http=partial(  # type: ignore[arg-type] # makes protocols
            EdgeProtocol,
            head_seconds=settings.head_seconds,
            send_seconds=settings.send_seconds,
            connections=Connections(_most_connections(settings)),
            entrance=Entrance(),
            turned_away=TurnedAway(metrics),
        ),
        ws="none",
        proxy_headers=False,  # the socket says who is calling; nobody else is believed
        timeout_keep_alive=75,  # longer than nginx keeps its side, so that it is nginx who closes
        timeout_graceful_shutdown=int(settings.drain_seconds),
    )


class _Server(uvicorn.Server):
    """Tells when it listens, and what it waits for when it is to stop."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], Awaitable[None]], services: Services) -> None:
        super().__init__(config)
        self._listening = listening
        self._before = signal.getsignal(signal.SIGTERM)
        self._services = services

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        await self._listening()
        if isinstance(self._before, _Stop) and self._before.is_wanted:
            self.should_exit = True

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        # Those that were cut off settle, or write to the journal, before either is closed.
        if left := list(self.server_state.tasks):
            await asyncio.wait(left, timeout=_LAST_WORDS_SECONDS)

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._services.turnstile.close()
        if self.should_exit:
            self.force_exit = True  # uvicorn takes only a second Ctrl-C for that, and lets requests run on
            for task in self.server_state.tasks:
                asyncio.get_running_loop().call_soon_threadsafe(task.cancel)
        elif number := self._services.places.number:
            seconds = self.config.timeout_graceful_shutdown
            announce(
                "stopping",
                f"Stopping when {number} in flight are finished, in {seconds} s at most. "
                "A second signal cuts them off: they are charged at their quote.",
                in_flight=number,
            )
        else:
            note("stopping", "stopping", in_flight=0)
        super().handle_exit(sig, frame)


class _Stop:
    """A signal handler that remembers: somebody may want us to stop before uvicorn listens to signals."""

    def __init__(self) -> None:
        self.is_wanted = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self.is_wanted = True


def _forbid_core_dumps() -> None:
    """Write no memory to the disk on a crash: every key and prompt is in it. An embedded Redis inherits this.

    Where the kernel pipes cores into a program, that program is told this limit, and systemd-coredump keeps to it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _raise_descriptor_limit(wanted: int) -> None:
    """Allow as many open sockets and files as are wanted, if the machine lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):  # macOS has a ceiling below its "infinity"
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        log.warning(
            "few file descriptors",
            extra={
                "limit": allowed,
                "wanted": wanted,
                "cure": f"ulimit -n {wanted}, or a smaller IMAGEGATE_MAX_IN_FLIGHT",
            },
        )


def _most_connections(settings: Settings) -> int:
    """For pictures, for those who wait for a place, for kept answers and hosted pictures; half of what files allow."""
    most = _CONNECTIONS_EACH * settings.max_in_flight + 100
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return most if allowed == resource.RLIM_INFINITY else min(most, allowed // 2)


def _event_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The loop of uvloop where it exists; twice the requests per second."""
    try:
        import uvloop  # noqa: PLC0415 - no wheel for every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


def _listen(host: str, port: int, settings: str) -> socket.socket:
    """A listening socket; ``settings`` are those to be set where there can be none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise click.ClickException(f"Cannot listen on {host}:{port}: {why}. Set {settings}.") from None
    # Connections inherit it. uvloop sets it by itself; without it the last piece of an answer waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
