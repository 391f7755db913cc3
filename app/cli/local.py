"""A gateway in this process for one command, on the Redis of the settings, a live embedded one, or one of its own."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
from pydantic import SecretStr

from app.embedded.errors import DataFolderBusyError, EmbeddedError
from app.embedded.lock import DataFolderLock
from app.embedded.server import EmbeddedRedis, connect_live
from app.main import create_app
from app.settings.fields import Settings
from app.wiring.services import Services, open_services

_FOUNDING = {"teams create"}
"""Commands that may begin the books of a folder; any other has only mistyped its name."""
_START_SECONDS = 10.0
_POLL_SECONDS = 0.1


@asynccontextmanager
async def owned_redis(settings: Settings, purpose: str) -> AsyncIterator[str]:
    """The URL of the Redis to use, for a process that serves: one given, or an embedded one that is ours until the end.

    Raises:
        EmbeddedError: another process owns the data folder, or no server can be started.

    """
    if settings.redis_url is not None:
        yield settings.redis_url.get_secret_value()
        return
    async with DataFolderLock(settings.data_dir, purpose), EmbeddedRedis(settings.data_dir) as server:
        yield f"unix://{server.socket_path}"


@asynccontextmanager
async def borrowed_redis(settings: Settings, purpose: str) -> AsyncIterator[str]:
    """As `owned_redis`, for a command: it uses the embedded server of a running gateway where there is one."""
    if settings.redis_url is None and purpose not in _FOUNDING and not (settings.data_dir / "redis").exists():
        raise EmbeddedError(
            f"There are no books in {settings.data_dir}. `teams create` begins some; --data-dir or IMAGEGATE_DATA_DIR "
            "names another folder."
        )
    async with AsyncExitStack() as stack:
        try:
            # Waits for another command to end; a gateway that serves is not waited for.
            url = await stack.enter_async_context(owned_redis(settings, purpose))
        except DataFolderBusyError:
            url = f"unix://{await _served(settings.data_dir)}"
        yield url


async def _served(data_dir: Path) -> str:
    """The socket of the gateway that owns the folder, which may be starting just now.

    Raises:
        DataFolderBusyError: whoever owns the folder brings no server up.

    """
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    while (live := await connect_live(data_dir)) is None:
        if asyncio.get_running_loop().time() > deadline:
            raise DataFolderBusyError(f"The data folder {data_dir} is in use, but no server answers in it.")
        await asyncio.sleep(_POLL_SECONDS)
    return live


@asynccontextmanager
async def local_services(settings: Settings, purpose: str) -> AsyncIterator[Services]:
    """The services themselves, for a command that no route stands for; they do nothing of their own accord."""
    async with (
        borrowed_redis(settings, purpose) as url,
        open_services(settings, url, background=False) as services,
    ):
        yield services


@asynccontextmanager
async def local_gateway(settings: Settings, purpose: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the admin API, of a gateway in this process: the same routes, with a token of the moment."""
    token = secrets.token_urlsafe(24)
    own = settings.model_copy(update={"admin_token": SecretStr(token)})
    async with (
        borrowed_redis(settings, purpose) as url,
        open_services(own, url, background=False) as services,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(services)),
            base_url="http://imagegate",
            headers={"Authorization": f"Bearer {token}"},
        ) as client,
    ):
        yield client
