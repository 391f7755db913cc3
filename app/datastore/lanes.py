"""The connections to one server: opened when they are needed, a long answer on one delays nobody on the other."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from operator import attrgetter

from app.datastore.batch import Batch
from app.datastore.connector import Way
from app.datastore.lane import Lane
from app.datastore.replies import Unanswered
from app.patience import grace_seconds

_LANES = 2
"""One for a page of the ledger, which takes its time, and one for everybody else."""
_SPARE_PAUSE_SECONDS = 1.0
"""A server that takes no second connection is not asked for it more often."""
_STALL_SECONDS = 0.02
"""A timer that is later than this tells of our own loop, which stood still, and not of the server."""

_WAITS_UNTIL = attrgetter("waits_until")


class Lanes:
    """Sends batches, each on one connection; what finds none in its time is refused as never sent.

    ``failed`` is called once for each connection that ended under way, or was wanted and could not be opened, however
    many batches that concerns, and before they learn of it.
    """

    def __init__(self, way: Way, *, timeout_seconds: float, failed: Callable[[Exception], None]) -> None:
        self._way = way
        self._timeout_seconds = timeout_seconds
        self._failed = failed
        self._lanes: list[Lane] = []
        self._queue: deque[Batch] = deque()
        self._connecting: asyncio.Task[None] | None = None
        self._next_spare = 0.0

    @property
    def is_unread(self) -> bool:
        """Whether an idle connection has something to say: most likely that it was closed."""
        return any(map(Lane.is_unread, self._lanes))

    def send(self, batch: Batch) -> None:
        """Send a batch now, or as soon as a connection takes it."""
        self._queue.append(batch)
        self._flush()

    def distrust(self, lane: Lane | None) -> bool:
        """Give up every connection if this is one of those in use: the next ones may lead to a server that serves.

        What is under way on them may still be answered. Gives whether it was one of them.
        """
        if lane not in self._lanes:
            return False
        lanes, self._lanes = self._lanes, []
        for old in lanes:
            old.leave()
        return True

    async def aclose(self) -> None:
        """Close every connection."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        for lane in tuple(self._lanes):
            await lane.aclose()

    def _flush(self) -> None:
        """Send what is queued as far as connections take it, and see to it that there is one."""
        now = asyncio.get_running_loop().time()
        while self._queue and (lane := self._free_lane()) is not None:
            batch = self._queue.popleft()
            if batch.deadline <= now:
                batch.broken(TimeoutError(), sent=False)
                continue
            if lane.waits_until < math.inf and len(self._lanes) < _LANES and now >= self._next_spare:
                self._next_spare = now + _SPARE_PAUSE_SECONDS
                self._connect(now + self._timeout_seconds)
            batch.lane = lane
            lane.send(batch.packed(), batch)
        if self._queue and not self._lanes:
            self._connect(self._first_deadline())

    def _free_lane(self) -> Lane | None:
        """An idle one, or else the one whose oldest question is the youngest."""
        free = [lane for lane in self._lanes if lane.is_free]
        return max(free, key=_WAITS_UNTIL) if free else None

    def _first_deadline(self) -> float:
        return min(batch.deadline for batch in self._queue)

    def _connect(self, due: float) -> None:
        if self._connecting is None:
            self._connecting = asyncio.get_running_loop().create_task(self._open(due), name="connection to redis")

    async def _open(self, due: float) -> None:
        """Open one connection; while there is none at all, try again for those who wait, in the time they have."""
        try:
            await self._try(due)
            while self._queue and not self._lanes:
                await self._try(self._first_deadline())
        except BaseException:
            self._refuse(tuple(self._queue), ConnectionAbortedError("the connecting was broken off"))
            raise
        finally:
            self._connecting = None
        self._flush()

    async def _try(self, due: float) -> None:
        try:
            async with asyncio.timeout_at(due):
                self._lanes.append(await self._way.open(self._changed))
        except TimeoutError as error:
            now = max(due, asyncio.get_running_loop().time())
            overdue = [batch for batch in self._queue if batch.deadline <= now]
            if now - due < _STALL_SECONDS or any(batch.is_forgiven for batch in overdue):
                self._refuse(overdue, error)
                return
            for batch in overdue:  # our own loop stood still meanwhile: they get that time back, once
                batch.is_forgiven, batch.deadline = True, now + grace_seconds(now - due)
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no connection
            self._refuse(tuple(self._queue), error)

    def _refuse(self, batches: Sequence[Batch], error: Exception) -> None:
        """Give up what is queued and was not sent, unless there is another connection for it."""
        if not batches or self._lanes:
            return
        self._failed(Unanswered(error, sent=False))
        for batch in batches:
            self._queue.remove(batch)
            batch.broken(error, sent=False)

    def _changed(self, lane: Lane, error: Exception | None) -> None:
        """A connection takes writes again, or has ended: with an error, if there were answers to come."""
        if lane not in self._lanes:
            return
        if error is not None:
            self.distrust(lane)
            self._failed(Unanswered(error, sent=True))
        elif not lane.is_open:
            self._lanes.remove(lane)
        self._flush()
