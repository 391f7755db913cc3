"""The calls of one write: each reply goes to the one who waits for it, and the write is told how it ended."""

import time
from collections.abc import Callable
from typing import Any

import redis.asyncio as redis

from app.datastore.call import Waiting, pack
from app.datastore.lane import Lane
from app.datastore.replies import Unanswered, is_servers_fault, refusal, wants_text
from app.errors import StoreUnavailable

_ASKING = pack(("ASKING",))
_AS_REDIS_PY_READS = dict(redis.Redis(protocol=3).response_callbacks)
"""What redis-py makes of the replies to some commands: of INFO a dict, of SMEMBERS a set."""


class Batch:
    """Calls that leave together, in order; when the last reply has come, or no more will come, ``ended`` is called."""

    def __init__(self, ended: Callable[["Batch"], None], *, deadline: float = 0.0) -> None:
        self._ended = ended
        self._packed: list[bytes] = []
        self._expected: list[Waiting | None] = []
        self._came = 0
        self.deadline = deadline
        """By the loop's clock."""
        self.is_forgiven = False
        """Whether it got time back in which our own loop stood still."""
        self.lane: Lane | None = None
        """Where it travels."""
        self.started = time.perf_counter()
        self.fault: Exception | None = None
        """The first sign that the server does not serve."""
        self.unknown: list[Waiting] = []
        """Those whose script is not known there: nothing came of their calls yet."""

    def add(self, waiting: Waiting, packed: bytes) -> None:
        """Let one more call travel along, already in the form in which it travels."""
        if waiting.asking:
            self._packed.append(_ASKING)
            self._expected.append(None)
        self._packed.append(packed)
        self._expected.append(waiting)

    def packed(self) -> bytes:
        """All of it, as it goes to the socket; it goes there once."""
        whole, self._packed = b"".join(self._packed), []
        return whole

    def take(self, reply: Any) -> bool:
        """Give the next reply to the one it belongs to; whether it was the last."""
        waiting = self._expected[self._came]
        self._came += 1
        if isinstance(reply, Exception):
            self._take_error(waiting, reply)
        elif waiting is not None and not waiting.future.done():  # else its caller was cancelled and has left
            _resolve(waiting, reply)
        return self._came == len(self._expected)

    def answered(self) -> None:
        """Every reply has come."""
        self._ended(self)

    def broken(self, error: Exception, *, sent: bool) -> None:
        """No further reply will come: refuse all who still wait."""
        unanswered = Unanswered(error, sent=sent)
        self.refuse(lambda: refusal(unanswered))
        self.fault = self.fault or unanswered
        self._ended(self)

    def refuse(self, refused: Callable[[], StoreUnavailable]) -> None:
        """Refuse all who still wait, each with an exception of its own."""
        for waiting in self._expected[self._came :]:
            if waiting is not None and not waiting.future.done():
                waiting.future.set_exception(refused())

    def _take_error(self, waiting: Waiting | None, error: Exception) -> None:
        if self.fault is None and is_servers_fault(error):
            self.fault = error
        if waiting is None:
            pass  # what ASKING got: the command behind it gets the same
        elif waiting.call.script is not None and wants_text(error):
            self.unknown.append(waiting)
        elif not waiting.future.done():
            waiting.future.set_exception(refusal(error))


def _resolve(waiting: Waiting, reply: Any) -> None:
    read = _AS_REDIS_PY_READS.get(str(waiting.call.words[0]))
    if read is None:
        waiting.future.set_result(reply)
        return
    try:
        waiting.future.set_result(read(reply))
    except Exception as error:  # noqa: BLE001 - whatever it is, this reply is of no use to its caller
        waiting.future.set_exception(refusal(error))
