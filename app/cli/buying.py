"""Buys pictures once: asks under a name of its own, waits with short questions, and survives cut connections."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import click
import httpx

from app.cli.addresses import no_gateway
from app.cli.order import PictureOrder
from app.cli.remote import NEVER_SENT, Unanswered, quoted
from app.cli.teammate import PublicDoor, error_of, told_error

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 8.0
_WAIT_SECONDS: Final = 30
"""Of one question; below what any proxy allows a silent answer."""
_WISHES: Final = {
    "prefer": "respond-async",
    "x-imagegate-heartbeat": "20",  # where nothing is kept the preference is ignored, and the answer takes its time
}
_PASSING: Final = frozenset({429, 502, 503, 504})
"""Answers to a question about a request that say nothing about it."""


class Purchase:
    """One purchase: its name, and its request's id as soon as anybody knows it."""

    def __init__(self, name: str, patience_seconds: float, request_id: str | None = None) -> None:
        """``name`` is its Idempotency-Key; with a request's id it has been made already.

        ``patience_seconds`` is how long the gateway may be out of reach.
        """
        self._name = name
        self._patience_seconds = patience_seconds
        self.request_id = request_id

    async def buy(self, door: PublicDoor, order: PictureOrder) -> httpx.Response:
        """The answer with the pictures.

        Raises:
            click.ClickException: refused, or failed at no cost.
            Unanswered: nobody knows; the message says how to go on without buying twice.

        """
        headers = _WISHES | {"idempotency-key": self._name}
        response = await self._patiently(door, "POST", order.path, order, headers=headers)
        if response.status_code == httpx.codes.ACCEPTED:
            self.request_id = _id_in(response)
            return await self.fetch(door)
        told = response.headers
        self.request_id = told.get("x-imagegate-request") or told.get("x-request-id")
        if error := error_of(response):
            raise told_error(error, response)
        return response

    async def fetch(self, door: PublicDoor) -> httpx.Response:
        """The answer of a request, as soon as there is one.

        Raises:
            click.ClickException: it failed, or its answer is not kept.
            Unanswered: nobody knows what became of it, or the gateway is out of reach.

        """
        while True:
            response = await self._patiently(door, "GET", self._path, params={"wait": _WAIT_SECONDS})
            if response.status_code == httpx.codes.ACCEPTED:
                # A gateway that is stopping answers at once.
                await asyncio.sleep(_FIRST_PAUSE_SECONDS)
                continue
            if _is_stream(response):
                return response
            if error := error_of(response):
                raise told_error(error, response)
            document = response.json()
            if document.get("object") != "image.request":
                return response
            error = document.get("error") or {"message": "It failed, and nobody knows why."}
            if document["status"] == "unknown":
                raise Unanswered(error["message"], f"It is charged; its request is {self.request_id}.")
            raise told_error(error)

    async def state(self, door: PublicDoor) -> dict[str, Any]:
        """What the gateway tells of the request; nothing where it cannot be asked, because the pictures are here."""
        with suppress(httpx.HTTPError, click.ClickException):
            response = await door.ask("GET", self._path, params={"view": "state"})
            if error_of(response) is None:
                found: dict[str, Any] = response.json()
                return found
        return {}

    def how_to_go_on(self) -> str:
        """What to do about a purchase of which nobody knows how it stands."""
        if self.request_id:
            return f"It is request {self.request_id}: `imagegate image --fetch {self.request_id}` gets its pictures."
        return f"The same command with --idempotency-key {self._name} goes on with it, and never buys it twice."

    @property
    def _path(self) -> str:
        return f"/images/requests/{quoted(str(self.request_id))}"

    async def _patiently(
        self, door: PublicDoor, method: str, path: str, order: PictureOrder | None = None, **given: Any
    ) -> httpx.Response:
        """Ask until there is an answer of the gateway; what is bought has a name, so that is no second purchase."""
        loop = asyncio.get_running_loop()
        gives_up, pause_seconds, may_have_happened = loop.time() + self._patience_seconds, _FIRST_PAUSE_SECONDS, False
        while True:
            try:
                response = await _once(door, method, path, order, given)
            except NEVER_SENT as error:
                told = str(error)
                if self.request_id is None and not may_have_happened:
                    raise door.unreached(error) from None
            except httpx.HTTPError as error:
                told, may_have_happened = str(error) or type(error).__name__, True
            else:
                if not _says_nothing(response, is_question=method == "GET"):
                    return response
                told, may_have_happened = f"it answers {response.status_code}", True
            if loop.time() + pause_seconds > gives_up:
                why = f"{door.address} gives no answer ({told}), and nobody knows what became of the request."
                raise Unanswered(why, self.how_to_go_on())
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)


async def _once(
    door: PublicDoor, method: str, path: str, order: PictureOrder | None, given: dict[str, Any]
) -> httpx.Response:
    if order is None:
        return await door.ask(method, path, **given)
    with order.content() as content:
        return await door.ask(method, path, **given, **content)


def _id_in(response: httpx.Response) -> str:
    """The id of a request that was taken on."""
    try:
        return str(response.json()["id"])
    except (ValueError, LookupError, TypeError):
        raise no_gateway(response.status_code) from None


def _says_nothing(response: httpx.Response, *, is_question: bool) -> bool:
    """Whether somebody in front of the gateway answered in its place, or it will only answer later."""
    is_json = response.headers.get("content-type", "").startswith("application/json")
    if is_question and response.status_code in _PASSING:
        return True
    return response.is_server_error and not is_json


def _is_stream(response: httpx.Response) -> bool:
    return str(response.headers.get("content-type", "")).startswith("text/event-stream")
