"""The admin API as the commands call it: over HTTP with ``--url``, in this process without."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import click
import httpx

from app.cli.local import local_gateway
from app.embedded.errors import EmbeddedError
from app.errors import GatewayError
from app.settings import Settings, SettingsError, load_settings

T = TypeVar("T")

_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """Which gateway a command speaks to."""

    url: str | None
    token: str | None
    data_dir: str | None
    purpose: str


class Unanswered(click.ClickException):
    """Nobody knows whether what was asked for has happened."""


class Admin:
    """Calls of the admin API; an error answer ends the command with its message."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str, **query: Any) -> Any:
        """GET a document."""
        return await self._call("GET", path, params={k: v for k, v in query.items() if v is not None})

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """POST a body."""
        return await self._call("POST", path, json=body)

    async def patch(self, path: str, body: dict[str, Any]) -> Any:
        """PATCH a record."""
        return await self._call("PATCH", path, json=body)

    async def _call(self, method: str, path: str, **given: Any) -> Any:
        try:
            response = await self._client.request(method, f"/admin/v1{path}", **given)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise Unanswered(f"{self._client.base_url} cannot be reached: {error}") from None
        try:
            document = response.json()
            message = document["error"]["message"] if response.is_error else ""
        except (ValueError, LookupError, TypeError):
            told = f"--url leads to no imagegate: it answered {response.status_code} in another form."
            raise click.ClickException(told) from None
        if response.is_error:
            raise (Unanswered if response.is_server_error else click.ClickException)(str(message))
        return document


def quoted(name: str) -> str:
    """A name as a part of a path, whatever is in it."""
    return quote(name, safe="")


def call(target: Target, work: Callable[[Admin], Awaitable[T]]) -> T:
    """Run a command's work against its gateway."""

    async def run() -> T:
        async with _client(target) as client:
            return await work(Admin(client))

    try:
        return asyncio.run(run())
    except (EmbeddedError, SettingsError) as error:
        raise click.ClickException(str(error)) from None
    except GatewayError as error:
        raise click.ClickException(f"{error.message} {error.detail}".strip()) from None


def books_folder(target: Target) -> Path | None:
    """The data folder a command works on; None: a gateway or a Redis elsewhere has the books."""
    if target.url is not None:
        return None
    settings = _settings(target)
    return settings.data_dir if settings.redis_url is None else None


def _settings(target: Target) -> Settings:
    return load_settings(**({"data_dir": target.data_dir} if target.data_dir else {}))


@asynccontextmanager
async def _client(target: Target) -> AsyncIterator[httpx.AsyncClient]:
    if target.url is None:
        async with local_gateway(_settings(target), target.purpose) as client:
            yield client
        return
    if not target.token:
        raise click.ClickException("--url needs the admin token: --token, or IMAGEGATE_TOKEN in the environment.")
    base = target.url.rstrip("/").removesuffix("/v1")
    headers = {"Authorization": f"Bearer {target.token}"}
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=_TIMEOUT_SECONDS) as client:
        yield client
