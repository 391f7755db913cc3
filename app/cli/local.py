"""A gateway in this process for one command, on the Redis of the settings, a live embedded one, or one of its own."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from pydantic import SecretStr

from app.embedded.lock import DataFolderLock
from app.embedded.server import EmbeddedRedis, connect_live
from app.main import create_app
from app.settings import Settings
from app.wiring import open_services


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
async def _borrowed_redis(settings: Settings, purpose: str) -> AsyncIterator[str]:
    """As `owned_redis`, for a command: it uses the embedded server of a running gateway where there is one."""
    live = None if settings.redis_url is not None else await connect_live(settings.data_dir)
    async with AsyncExitStack() as stack:
        if live is None:
            yield await stack.enter_async_context(owned_redis(settings, purpose))
        else:
            yield f"unix://{live}"


@asynccontextmanager
async def local_gateway(settings: Settings, purpose: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the admin API of a gateway in this process: the routes are those of HTTP, the token is of the moment."""
    token = secrets.token_urlsafe(24)
    own = settings.model_copy(update={"admin_token": SecretStr(token)})
    async with (
        _borrowed_redis(settings, purpose) as url,
        open_services(own, url, background=False) as services,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(services)),
            base_url="http://imagegate",
            headers={"Authorization": f"Bearer {token}"},
        ) as client,
    ):
        yield client
