"""The public door as a teammate's commands call it: with a virtual key, at the gateway of the environment."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import click
import httpx

from app.cli.addresses import gateway_address, no_gateway
from app.cli.remote import Unanswered, said

T = TypeVar("T")

KEY_VARIABLES: Final = ("IMAGEGATE_KEY", "OPENAI_API_KEY")
"""The first that is set, as with addresses; the README has a teammate set those of OpenAI's SDKs."""

URL_VARIABLES: Final = ("IMAGEGATE_URL", "OPENAI_BASE_URL")
_LOCAL: Final = "http://127.0.0.1:8080"
_VIRTUAL_KEY: Final = re.compile("sk-ig-[0-9A-Za-z-]+")
"""The key of another service is sent nowhere."""
_TIMEOUT_SECONDS: Final = 90.0
"""Of silence: longer than a long-poll of 60 seconds, and than four heartbeats."""
_CONNECT_SECONDS: Final = 10.0
_UNKNOWN: Final = frozenset({"upstream_outcome_unknown", "upstream_timeout", "internal_error"})
"""Errors after which the picture may have been made (docs/errors.md)."""
_CURES: Final = {
    "insufficient_quota": "`imagegate usage --mine` shows what is left; whoever runs the gateway can raise it.",
    "model_not_found": "`imagegate models` lists the models of your key.",
    "model_not_priced": "`imagegate models` lists the models of your key.",
    "permission_denied": "`imagegate models` lists the models of your key.",
}
"""What to do, where the message of an error does not say it."""


class PublicDoor:
    """Calls of the public door."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @property
    def address(self) -> str:
        """Where it is."""
        return str(self._client.base_url).rstrip("/")

    async def get(self, path: str, **query: Any) -> Any:
        """GET a document; whatever stands in the way ends the command, and has changed nothing."""
        try:
            response = await self.ask("GET", path, params=said(query))
        except httpx.HTTPError as error:
            raise self.unreached(error) from None
        return document_of(response)

    async def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        """The whole answer, whatever its status.

        Raises:
            httpx.HTTPError: no answer, or a part of one.

        """
        try:
            return await self._client.request(method, f"/v1{path}", **given)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise self.unreached(error) from None

    def unreached(self, error: Exception) -> click.ClickException:
        """What to say where no connection came about."""
        told = f"{self.address} cannot be reached: {str(error) or type(error).__name__}."
        return click.ClickException(f"{told} --url or IMAGEGATE_URL says where your gateway is.")


def document_of(response: httpx.Response) -> Any:
    """The document of an answer; an error, also one behind heartbeats, ends the command with message and cure."""
    error = error_of(response)
    if error is None:
        return response.json()
    raise click.ClickException(_told(error, response))


def error_of(response: httpx.Response) -> dict[str, Any] | None:
    """The ``error`` of an answer in OpenAI's envelope; None where it is a document.

    Raises:
        click.ClickException: it is no answer of an imagegate.

    """
    try:
        document = response.json()
        if response.is_success and "object" in document:
            return None  # of a request that failed: a document with an error in it
        error = document.get("error")
        if error is None and response.is_success:
            return None
        return {"message": error["message"], "code": error.get("code")}
    except (ValueError, LookupError, TypeError, AttributeError):
        raise no_gateway(response.status_code) from None


def told_error(error: dict[str, Any], response: httpx.Response | None = None) -> click.ClickException:
    """The error of a purchase, with its message, what to do about it, and the exit code that fits."""
    message = _told(error, response)
    if error.get("code") in _UNKNOWN:
        return Unanswered(message, "`imagegate requests --mine` shows what is known of it.")
    return click.ClickException(message)


def _told(error: dict[str, Any], response: httpx.Response | None) -> str:
    message = str(error["message"])
    if cure := _CURES.get(str(error.get("code"))):
        return f"{message} {cure}"
    seconds = response.headers.get("retry-after") if response is not None else None
    return f"{message} Try again in {seconds} s." if seconds else message


def call_public(url: str | None, key: str | None, work: Callable[[PublicDoor], Awaitable[T]]) -> T:
    """Run a command's work against the gateway of a teammate."""

    async def run() -> T:
        async with _door(url, key) as door:
            return await work(door)

    return asyncio.run(run())


@asynccontextmanager
async def _door(url: str | None, key: str | None) -> AsyncIterator[PublicDoor]:
    # The address that stands beside a key, and no other: a key of ours is not shown to OpenAI, or whoever is set there.
    theirs = os.environ.get("OPENAI_BASE_URL") if not (key or os.environ.get("IMAGEGATE_KEY")) else None
    key = (key or _first_of(KEY_VARIABLES) or "").strip()
    if not key:
        raise click.UsageError(
            "Your virtual key is missing: put it into IMAGEGATE_KEY or OPENAI_API_KEY, or give --key."
        )
    if not _VIRTUAL_KEY.fullmatch(key):
        raise click.UsageError("That is not a virtual key of an imagegate: those begin with sk-ig-")
    timeout = httpx.Timeout(_TIMEOUT_SECONDS, connect=_CONNECT_SECONDS)
    headers = {"Authorization": f"Bearer {key}"}
    address = gateway_address(url or os.environ.get("IMAGEGATE_URL") or theirs or _LOCAL)
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=timeout) as client:
        yield PublicDoor(client)


def _first_of(variables: Sequence[str]) -> str | None:
    return next((value for name in variables if (value := os.environ.get(name))), None)
