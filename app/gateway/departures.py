"""Who hangs up is noted in the register, so that a retry finds its own request before those of others."""

import asyncio
import logging
from functools import partial

from msgspec import Struct

from app.errors import StoreUnavailable
from app.gateway.door import Door
from app.ledger.models import Identity
from app.requests.register import Register

log = logging.getLogger(__name__)


class Awaited(Struct, frozen=True):
    """A request whose answer somebody is connected for."""

    team_id: str
    key_id: str
    request_id: str
    retries: str
    """By what its retries look for it."""


def awaited(team_id: str, key_id: str, request_id: str, identity: Identity) -> Awaited:
    """That request."""
    return Awaited(team_id, key_id, request_id, identity.naming(request_id).retries)


class Departures:
    """One task that tells the register, owned from start to close; requests only leave it a word."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._gone: asyncio.Queue[Awaited] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._tell())

    async def aclose(self) -> None:
        """End the task; whose word it did not get to is claimed behind those whose departure is noted."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def watch(self, door: Door, whom: Awaited) -> None:
        """Note it when this client leaves."""
        door.when_left(partial(self.note, whom))

    def note(self, whom: Awaited) -> None:
        """Nobody is there for this request any more."""
        self._gone.put_nowait(whom)

    async def _tell(self) -> None:
        while True:
            gone = await self._gone.get()
            try:
                await self._register.left(gone.team_id, gone.key_id, gone.request_id, gone.retries)
            except StoreUnavailable as error:
                log.info("a departure was not noted", extra={"request_id": gone.request_id, "why": error.detail})
            except Exception:
                log.exception("a departure was not noted", extra={"request_id": gone.request_id})
