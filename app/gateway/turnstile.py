"""Stage 4 where it may have to wait: a request that lacks nothing but a slot asks again until it is its turn."""

import asyncio
import random
import time
from typing import Any

from app.accounts.models import Principal
from app.catalog.pricing import Quote
from app.errors import ClientGone, Overloaded
from app.gateway.door import Door
from app.gateway.record import Record
from app.gateway.refusals import rate_headers
from app.ledger.ledger import Ledger
from app.ledger.models import NOBODY, Admission, Identity, Mode, Verdict

_PAUSE_SECONDS = (0.1, 0.5)
"""Between two calls, spread so that those who wait do not all ask at once; a ticket lives ten times as long."""


class Turnstile:
    """Lets requests wait up to ``queue_seconds``; the order of those who wait is kept by the books."""

    def __init__(self, ledger: Ledger, queue_seconds: float) -> None:
        self._ledger = ledger
        self._queue_seconds = queue_seconds
        self.is_closed = False
        self.waiting = 0
        """Requests of this process that wait for their turn."""

    def close(self) -> None:
        """The gateway stops: nobody is to be admitted whose picture it could not wait for."""
        self.is_closed = True

    def turn(self, door: Door, record: Record) -> "Turn":
        """The turn of one request; leave it when the request is admitted or has failed."""
        return Turn(self, self._ledger, door, record, time.monotonic() + self._queue_seconds)


class Turn:
    """One request in front of the books: its ticket while it waits, and the end of its patience."""

    def __init__(self, turnstile: Turnstile, ledger: Ledger, door: Door, record: Record, deadline: float) -> None:
        self._turnstile = turnstile
        self._ledger = ledger
        self._door = door
        self._record = record
        self._deadline = deadline
        self._queued_at: float | None = None
        self._waits_for: Principal | None = None
        self._identity = NOBODY

    @property
    def is_waiting(self) -> bool:
        """Whether it has a ticket and time left: then a changed key or team costs it another look, not its place."""
        return self._waits_for is not None and self._seconds_left() > 0

    async def admit(
        self, principal: Principal, model: str, quoted: Quote, note: dict[str, Any], identity: Identity
    ) -> Admission:
        """The verdict, which is never ``queued``: who has waited long enough is admitted or refused.

        Raises:
            ClientGone: the client left while it waited; it has bought nothing.
            Overloaded: the gateway began to stop meanwhile.
            StoreUnavailable: Redis did not answer.

        """
        while True:
            mode = Mode.WAIT if self._seconds_left() > 0 else Mode.ADMIT
            admission = await self._ledger.admit(principal, self._door.request_id, model, quoted, note, mode, identity)
            if admission.verdict is not Verdict.QUEUED:
                if admission.verdict is not Verdict.STALE:
                    self._waits_for = None  # the books have taken its ticket
                return admission
            self._waits_for, self._identity = principal, identity
            self._begin_to_wait()
            await self._door.accept(self._door.request_id, rate_headers(admission))
            pause = random.uniform(*_PAUSE_SECONDS)  # noqa: S311 - nothing to guess here
            with self._record.waiting():
                await asyncio.sleep(min(pause, self._seconds_left()))
            if self._door.is_left:
                raise ClientGone("The client hung up while it waited for its turn.")
            if self._turnstile.is_closed:
                raise Overloaded("This gateway is stopping; try again in a moment.", retry_after_seconds=2)

    async def leave(self) -> None:
        """Give the ticket up, if there still is one: nobody waits behind a request that will not ask again."""
        if self._queued_at is not None:
            self._turnstile.waiting -= 1
            self._record.queue_seconds = time.monotonic() - self._queued_at
            self._queued_at = None
        if self._waits_for is not None:
            await self._ledger.give_up(self._waits_for, self._door.request_id, self._identity)

    def _begin_to_wait(self) -> None:
        if self._queued_at is None:
            self._queued_at = time.monotonic()
            self._turnstile.waiting += 1

    def _seconds_left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())
