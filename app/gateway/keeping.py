"""What is kept of an answer while it passes, so that it can be had again."""

import asyncio
import logging

from app.assets.draft import Draft
from app.assets.results import Results
from app.gateway.purchase import Purchase
from app.requests.register import Register

log = logging.getLogger(__name__)


_PUTTING_SECONDS = 30.0
"""How long a copy may take on its way into the store, and a stopping gateway waits for it."""
_AT_ONCE = 16
"""Copies written at once: an object store's writer holds up to 5 MiB of each in memory."""
_MOST_PUTTING = 1000
"""Copies written or waiting for it: as many as requests in flight by default, so that a burst is kept. A store that is
slower than answers come is given no more, and the disk stays free."""


class Keepings:
    """Begins copies, and puts whole ones away."""

    def __init__(self, results: Results, register: Register) -> None:
        self.results = results
        self.register = register
        self._putting = 0
        self._writing = asyncio.Semaphore(_AT_ONCE)

    def begin(self, purchase: Purchase) -> "Keeping":
        """A copy of the answer to this purchase, empty so far."""
        return Keeping(self, purchase)

    async def put(self, name: str, draft: Draft) -> bool:
        """Put a copy away under this name; whether that went well, and in its time."""
        if self._putting >= _MOST_PUTTING:
            log.warning(
                "an answer was not kept", extra={"why": "the store is slower than answers come", "result": name}
            )
            return False
        self._putting += 1
        try:
            async with asyncio.timeout(_PUTTING_SECONDS), self._writing:
                return await self.results.keep(name, draft)
        except TimeoutError:
            log.warning("an answer was not kept", extra={"why": "the store took too long", "result": name})
            return False
        finally:
            self._putting -= 1


class Keeping:
    """Takes a copy of one answer. It fails no request: an answer that cannot be kept is only not kept."""

    def __init__(self, keepings: Keepings, purchase: Purchase) -> None:
        self._keepings = keepings
        self._purchase = purchase
        self._draft: Draft | None = keepings.results.open_draft()
        self._name = ""
        self._is_complete = False

    @property
    def is_on(self) -> bool:
        """Whether a copy is being taken."""
        return self._draft is not None and self._draft.is_whole

    async def write(self, piece: bytes) -> None:
        """Take what passes."""
        if self._draft is not None:
            await self._draft.write(piece)

    def promise(self) -> str:
        """The name under which the answer will be kept, as the settlement notes it; "" where it will not."""
        if self.is_on:
            self._name = self._keepings.results.new_name("sse" if self._purchase.request.stream else "json")
        return self._name

    def complete(self) -> None:
        """The answer is whole."""
        self._is_complete = True

    async def aclose(self) -> None:
        """Keep the copy of a whole answer, and take back the promise of any other.

        It comes last, when the client has been served; whoever asks for it in between waits a moment.
        """
        draft, self._draft = self._draft, None
        if draft is None:
            return
        try:
            if self._name and not (self._is_complete and await self._keepings.put(self._name, draft)):
                hold = self._purchase.hold
                await self._keepings.register.forget_result(hold.team_id, hold.key_id, hold.request_id)
        except Exception:
            log.exception("an answer was not kept", extra={"request_id": self._purchase.hold.request_id})
        finally:
            await draft.aclose()
