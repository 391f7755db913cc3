"""One connection: what is written to it is answered in order, in time, or not at all."""

import asyncio
import math
import select
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, cast

import hiredis
from redis.asyncio.connection import DefaultParser
from typing_extensions import override

from app.datastore.call import Command, pack
from app.patience import grace_seconds

_NOTHING = object()
"""What the reader gives while a reply is not whole; None and False are replies."""


class Write(Protocol):
    """Who takes the replies to one write."""

    deadline: float
    """By the loop's clock."""

    def take(self, reply: Any) -> bool:
        """Receive the next reply, an error reply like any other; true: it was the last."""
        ...

    def answered(self) -> None:
        """Learn that the last reply was taken."""
        ...

    def broken(self, error: Exception, *, sent: bool) -> None:
        """Learn that no further reply will come."""
        ...


class Lane(asyncio.Protocol):
    """A pipelined connection. A write that is not answered by its deadline ends it: late replies meet no question.

    ``changed`` is called when it takes writes again after a pause, and when it takes none any more; with the reason
    if somebody waited for an answer then. What the server pushes without being asked is dropped.
    """

    def __init__(self, changed: Callable[["Lane", Exception | None], None]) -> None:
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(replyError=DefaultParser.parse_error, notEnoughData=_NOTHING)
        self._unanswered: deque[Write] = deque()
        self._transport: asyncio.Transport
        self._closed = self._loop.create_future()
        self._poll = select.poll()
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf
        self._is_full = False
        self._is_leaving = False

    @property
    def is_open(self) -> bool:
        """Whether writes may be sent, now or a little later."""
        return not self._is_leaving

    @property
    def is_free(self) -> bool:
        """Whether a write may be sent now."""
        return not (self._is_full or self._is_leaving)

    @property
    def waits_until(self) -> float:
        """The deadline of the oldest write without its answer; infinite where everything is answered."""
        return self._unanswered[0].deadline if self._unanswered else math.inf

    def is_unread(self) -> bool:
        """Whether there is something to read where nothing was asked: most likely, that the server hung up."""
        return not self._unanswered and bool(self._poll.poll(0))

    def send(self, packed: bytes, write: Write) -> None:
        """Write commands; ``write`` takes their replies."""
        self._unanswered.append(write)
        self._transport.write(packed)
        if write.deadline < self._due:
            self._watch()

    async def ask(self, *commands: Command) -> list[Any]:
        """Ask aside from the calls, without a deadline: the replies.

        Raises:
            RedisError: the first error reply.
            Exception: why no reply will come.

        """
        answers = _Answers(len(commands), self._loop.create_future())
        self.send(b"".join(map(pack, commands)), answers)
        return await answers.all

    def leave(self) -> None:
        """Close it once everything written is answered."""
        self._is_leaving = True
        if not self._unanswered:
            self._transport.abort()

    async def aclose(self) -> None:
        """Close it now."""
        self._end(ConnectionAbortedError("closed by ourselves"))
        await asyncio.shield(self._closed)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    @override
    def data_received(self, data: bytes) -> None:
        unanswered, gets = self._unanswered, self._reader.gets
        try:
            self._reader.feed(data)
            while (reply := gets()) is not _NOTHING:
                if isinstance(reply, hiredis.PushNotification):
                    continue
                if not unanswered:
                    raise hiredis.ProtocolError("a reply to no question")
                if unanswered[0].take(reply):
                    unanswered.popleft().answered()
        except hiredis.HiredisError as error:
            self._end(error)
        if self._is_leaving and not unanswered:
            self._transport.abort()

    @override
    def eof_received(self) -> None:
        self._end(ConnectionResetError("the server closed the connection"))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionResetError("the connection was closed"))
        if not self._closed.done():
            self._closed.set_result(None)

    @override
    def pause_writing(self) -> None:
        self._is_full = True

    @override
    def resume_writing(self) -> None:
        self._is_full = False
        self._changed(self, None)

    def _end(self, error: Exception) -> None:
        """Take no more, and tell those who wait that nothing will come."""
        self._is_leaving = True
        self._transport.abort()
        waiting = tuple(self._unanswered)
        self._unanswered.clear()
        self._watch()
        self._changed(self, error if waiting else None)
        for write in waiting:
            write.broken(error, sent=True)

    def _watch(self) -> None:
        """One timer for all: it is set to the earliest deadline, and set anew only when it has run out."""
        if self._timer is not None:
            self._timer.cancel()
        self._due = min((write.deadline for write in self._unanswered), default=math.inf)
        self._timer = None if self._due == math.inf else self._loop.call_at(self._due, self._ran_out)

    def _ran_out(self) -> None:
        """The time of a write that was the first when the timer was set: it may have been answered long ago."""
        due = min((write.deadline for write in self._unanswered), default=math.inf)
        if due > self._due:
            self._watch()
            return
        self._timer = self._loop.call_later(grace_seconds(self._loop.time() - self._due), self._judge)

    def _judge(self) -> None:
        if any(write.deadline <= self._due for write in self._unanswered):
            self._end(TimeoutError())
        else:
            self._watch()


class _Answers:
    """The replies to what is asked aside."""

    def __init__(self, count: int, future: asyncio.Future[list[Any]]) -> None:
        self.deadline = math.inf
        self.all = future
        self._missing = count
        self._came: list[Any] = []

    def take(self, reply: Any) -> bool:
        self._came.append(reply)
        self._missing -= 1
        if isinstance(reply, Exception):
            self.broken(reply)
        return not self._missing

    def answered(self) -> None:
        if not self.all.done():
            self.all.set_result(self._came)

    def broken(self, error: Exception, *, sent: bool = True) -> None:  # noqa: ARG002 - whoever asks aside may ask again
        if not self.all.done():
            self.all.set_exception(error)
