"""What the simulator has seen and made, what it holds back, and how a test waits for either."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count

from msgspec import Struct, field

from app.simulator.answer import ReceivedRequest
from app.simulator.links import LinkedPicture

KEPT_REQUESTS = 100
KEPT_FILES = 100
WAIT_SECONDS = 10.0
"""A condition a test waits for comes within moments or never; this is never."""


class DayBill(Struct):
    """What the pictures drawn on one UTC day are billed at."""

    dollars: float = 0.0
    requests: int = 0


class Tally(Struct):
    """Plain counts since the start or the last reset."""

    connections: int = 0
    exchanges: int = 0
    """Requests received on any route but the control routes."""
    pictures: int = 0
    """Pictures drawn, delivered or not: what the upstream would bill."""
    input_tokens: int = 0
    output_tokens: int = 0
    """True tokens of the pictures drawn, whatever ``usage`` said."""
    svg_tokens: int = 0
    """True tokens of the models that wrote svg pictures."""
    references: int = 0
    """Reference pictures Seedream was pointed to."""
    days: dict[str, DayBill] = field(default_factory=dict)
    """By date, such as 2026-11-22."""


class _Hold(Struct, eq=False):
    future: asyncio.Future[None]
    releasable: bool

    def end(self, _gone: object = None) -> None:
        if not self.future.done():
            self.future.set_result(None)


class Logbook(Struct):
    """The simulator's memory; every change of it wakes those who wait on a condition."""

    tally: Tally = field(default_factory=Tally)
    in_flight: int = 0
    received: deque[ReceivedRequest] = field(default_factory=lambda: deque(maxlen=KEPT_REQUESTS))
    files: dict[str, LinkedPicture] = field(default_factory=dict)
    """Pictures handed over as links, by path and query, the oldest forgotten first."""
    serials: "count[int]" = field(default_factory=lambda: count(1))
    _holds: list[_Hold] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def held(self) -> int:
        """Exchanges that are withheld, stalled or hung."""
        return sum(not hold.future.done() for hold in self._holds)

    def begin(self, request: ReceivedRequest) -> None:
        """An exchange was received."""
        self.received.append(request)
        self.tally.exchanges += 1
        self.in_flight += 1
        self.changed()

    def end(self) -> None:
        """An exchange is over, however it ended."""
        self.in_flight -= 1
        self.changed()

    def bill(
        self,
        pictures: int,
        input_tokens: int,
        output_tokens: int,
        *,
        svg_tokens: int = 0,
        references: int = 0,
        dollars: float = 0.0,
    ) -> None:
        """Pictures were drawn for a request."""
        day = self.tally.days.setdefault(datetime.now(UTC).date().isoformat(), DayBill())
        day.dollars += dollars
        day.requests += 1
        self.tally.pictures += pictures
        self.tally.svg_tokens += svg_tokens
        self.tally.references += references
        self.tally.input_tokens += input_tokens
        self.tally.output_tokens += output_tokens
        self.changed()

    def keep_file(self, path: str, picture: LinkedPicture) -> None:
        """Keep a picture for its link."""
        self.files[path] = picture
        while len(self.files) > KEPT_FILES:
            del self.files[next(iter(self.files))]

    async def park(self, *, releasable: bool, gone: asyncio.Future[None] | None = None) -> None:
        """Hold an exchange until it is released (where it may be) or, where ``gone`` is given, its client left."""
        hold = _Hold(asyncio.get_running_loop().create_future(), releasable)
        self._holds.append(hold)
        if gone is not None:
            gone.add_done_callback(hold.end)
        self.changed()
        try:
            await hold.future
        finally:
            self._holds.remove(hold)
            self.changed()

    def release(self, number: int | None = None) -> int:
        """Let the longest held exchanges go, all or as many as asked; returns how many went."""
        ready = [hold for hold in self._holds if hold.releasable and not hold.future.done()][:number]
        for hold in ready:
            hold.end()
        self.changed()
        return len(ready)

    def changed(self) -> None:
        """Wake everyone in ``until``."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[], bool], timeout_seconds: float = WAIT_SECONDS) -> None:
        """Wait until a condition on this logbook holds.

        Raises:
            TimeoutError: it did not come to hold.

        """
        async with asyncio.timeout(timeout_seconds):
            while not condition():
                await self._changed.wait()

    def reset(self) -> None:
        """Forget what was seen and let go what is held; serial numbers and exchanges in flight go on."""
        self.release()
        self.tally = Tally()
        self.received.clear()
        self.files.clear()
        self.changed()
