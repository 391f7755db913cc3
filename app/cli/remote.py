"""The admin API as the commands call it: over HTTP with ``--url``, in this process without."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import click
import httpx
from msgspec import Struct

from app.accounts.credentials import without_secret
from app.cli.addresses import gateway_address, no_gateway, unusable
from app.embedded.errors import EmbeddedError
from app.errors import GatewayError, StoreUnavailable
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.settings.names import SettingsError

T = TypeVar("T")

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.LocalProtocolError)
"""Errors before the first byte of a request: nothing can have happened."""

_TIMEOUT_SECONDS = 60.0


class Target(Struct, frozen=True):
    """Which gateway a command speaks to."""

    url: str | None
    token: str | None
    data_dir: str | None
    purpose: str


class Unanswered(click.ClickException):
    """Nobody knows whether what was asked for has happened."""

    exit_code = 3

    def __init__(self, why: str, cure: str = "It may have come about all the same: look before you repeat it.") -> None:
        super().__init__(f"{why} {cure}")
        self.why = why


class Admin:
    """Calls of the admin API; an error answer ends the command with its message."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str, **query: Any) -> Any:
        """GET a document."""
        return await self._call("GET", path, params=said(query))

    async def text(self, path: str, **query: Any) -> str:
        """GET a file, or a piece of one."""
        response = await self.answer(path, **query)
        if response.headers.get("content-type", "").startswith("application/json"):
            _read(response)  # no imagegate's answer
        return response.text

    async def answer(self, path: str, **query: Any) -> httpx.Response:
        """GET what may have several forms."""
        response = await self._ask("GET", path, params=said(query))
        if response.is_error:
            _read(response)
        return response

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """POST a body."""
        return await self._call("POST", path, json=body)

    async def patch(self, path: str, body: dict[str, Any]) -> Any:
        """PATCH a record."""
        return await self._call("PATCH", path, json=body)

    async def delete(self, path: str) -> Any:
        """DELETE a record; what it was."""
        return await self._call("DELETE", path)

    async def _call(self, method: str, path: str, **given: Any) -> Any:
        return _read(await self._ask(method, path, **given))

    async def _ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        try:
            return await self._client.request(method, f"/admin/v1{path}", **given)
        except (*NEVER_SENT, httpx.InvalidURL, UnicodeError) as error:
            raise click.ClickException(f"{self._client.base_url} cannot be reached: {error}") from None
        except httpx.HTTPError as error:
            told = f"{self._client.base_url} gave no whole answer: {str(error) or type(error).__name__}."
            raise (click.ClickException if method == "GET" else Unanswered)(told) from None


def _read(response: httpx.Response) -> Any:
    """The document of an answer; an error ends the command."""
    try:
        document = response.json()
        message = document["detail"] if response.is_error else ""
    except (ValueError, LookupError, TypeError):
        raise no_gateway(response.status_code) from None
    if response.is_error:
        is_told = response.is_client_error or response.request.method == "GET"
        raise (click.ClickException if is_told else Unanswered)(str(message))
    return document


def said(query: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a query that were given; of a whole key its public id, as addresses are logged."""
    shown = {name: without_secret(value) if isinstance(value, str) else value for name, value in query.items()}
    return {name: value for name, value in shown.items() if value is not None}


def quoted(name: str) -> str:
    """A name as a part of a path, whatever is in it; of a whole key its public id, as addresses are logged."""
    return quote(without_secret(name), safe="")


def call(target: Target, work: Callable[[Admin], Awaitable[T]]) -> T:
    """Run a command's work against its gateway."""

    async def run() -> T:
        async with _client(target) as client:
            return await work(Admin(client))

    try:
        return asyncio.run(run())
    except (EmbeddedError, SettingsError) as error:
        raise click.ClickException(str(error)) from None
    except StoreUnavailable as error:
        raise click.ClickException(f"Redis does not answer; look at IMAGEGATE_REDIS_URL. {error.detail}") from None
    except GatewayError as error:
        raise click.ClickException(f"{error.message} {error.detail}".strip()) from None
    except OSError as error:
        raise unusable(error) from error


def books_folder(target: Target) -> Path | None:
    """The data folder a command works on; None: a gateway or a Redis elsewhere has the books."""
    if target.url is not None:
        return None
    settings = _settings(target)
    return settings.data_dir if settings.redis_url is None else None


def _settings(target: Target) -> Settings:
    return load_settings(data_dir=target.data_dir)


@asynccontextmanager
async def _client(target: Target) -> AsyncIterator[httpx.AsyncClient]:
    if target.url is None:
        from app.cli.local import local_gateway  # noqa: PLC0415 - a whole gateway, and a second to import it

        async with local_gateway(_settings(target), target.purpose) as client:
            yield client
        return
    if not target.token:
        raise click.ClickException(
            "--url needs an admin token: --token, or IMAGEGATE_TOKEN in the environment (IMAGEGATE_ADMIN_TOKEN is "
            "the gateway's own setting)."
        )
    token = target.token.strip()
    if not (token.isascii() and token.isprintable()) or " " in token:  # httpx would say which header it cannot send
        raise click.UsageError("That is no admin token: there is a blank in it, or a letter that none has.")
    headers = {"Authorization": f"Bearer {token}"}
    address = gateway_address(target.url)
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=_TIMEOUT_SECONDS) as client:
        yield client
