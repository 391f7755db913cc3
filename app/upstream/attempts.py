"""When a request of which nothing can have been made is sent again: how often, how soon, and how many of all may be."""

import random
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from app.upstream.failure import Cause, ExchangeFailed


class Result(StrEnum):
    """What came of one attempt at the upstream, in the words of metrics and of the operator's door."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """Their 4xx: the request's fault."""
    KEY_REFUSED = "key_refused"
    THROTTLED = "throttled"
    NO_CAPACITY = "no_capacity"
    FAILED = "failed"
    """Their 5xx, in their own form."""
    NOT_SENT = "not_sent"
    """No connection, or no key to send it with."""
    UNKNOWN = "unknown"
    """Cut, silent or foreign: it may have been made."""


RESULT_OF_CAUSE = {
    Cause.BUSY: Result.THROTTLED,
    Cause.NO_CAPACITY: Result.NO_CAPACITY,
    Cause.ACCOUNT: Result.KEY_REFUSED,
    Cause.NOT_PERMITTED: Result.KEY_REFUSED,
    Cause.UNREACHABLE: Result.NOT_SENT,
    Cause.CROWDED: Result.NOT_SENT,
    Cause.KEYS_OUT: Result.NOT_SENT,
}


def result_of(failure: ExchangeFailed | None) -> Result:
    """What a whole answer (None) or this failure is called."""
    if failure is None:
        return Result.ANSWERED
    if failure.cause is not None:
        return RESULT_OF_CAUSE[failure.cause]
    if failure.charged:
        return Result.UNKNOWN
    return Result.REFUSED if failure.error.status < 500 else Result.FAILED


_HOPELESS = frozenset({Cause.CROWDED, Cause.KEYS_OUT})
"""Asking again would meet the same want, which is on our side."""

_OF_THE_KEY = frozenset({Cause.ACCOUNT, Cause.NOT_PERMITTED})
"""The same key would be refused again."""

_FIRST_PAUSE_SECONDS = 0.25
"""The most of the first pause; each further one may be twice as long (full jitter: anything from 0 to that)."""
_LONGEST_PAUSE_SECONDS = 10.0
"""Who is to wait longer than this (Retry-After) is told so rather than kept: its money is held meanwhile."""


class RetryBudget:
    """How many retries all requests of this process may make together, in the manner of Finagle's.

    Each request pays in a part of a retry, time a little more, and each retry takes a whole one out: when everything
    fails at once, retries add a tenth to the load instead of doubling it.
    """

    SHARE = 0.1
    PER_SECOND = 0.5
    """What a gateway with few requests may do anyhow."""
    MOST = 10.0
    """Saved up at most, and there from the start."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._saved = self.MOST
        self._seen_at = clock()

    def pay_in(self) -> None:
        """Count one request."""
        self._saved = min(self.MOST, self._saved + self.SHARE)

    def take(self) -> bool:
        """Take one retry out, if there is one."""
        now = self._clock()
        self._saved = min(self.MOST, self._saved + (now - self._seen_at) * self.PER_SECOND)
        self._seen_at = now
        if self._saved < 1:
            return False
        self._saved -= 1
        return True


class Retries:
    """Decides on each failure whether, and after what pause, its request is sent again."""

    def __init__(self, most: int, clock: Callable[[], float], spread: Callable[[], float] = random.random) -> None:
        """``most`` for one request; ``spread`` gives numbers from 0 to 1 for the jitter."""
        self._most = most
        self._spread = spread
        self._budget = RetryBudget(clock)
        self.made: Counter[Cause] = Counter()
        """Requests sent again, by why."""
        self.over_budget = 0
        """Requests not sent again because too many were."""

    def begin(self) -> None:
        """Count a request."""
        self._budget.pay_in()

    def pause_seconds(
        self, failure: ExchangeFailed, made: int, *, left_seconds: float, other_key: bool, key_is_out: bool
    ) -> float | None:
        """How long to wait before the next attempt; None: no more of them.

        ``made`` retries were made for this request before, ``left_seconds`` of its time are left. ``other_key``: the
        next attempt has a key that has not refused this request; it needs no pause. If the refused key is out too
        (``key_is_out``), it takes nothing from the budget: those who come later do not ask that key at all.
        """
        cause = failure.cause
        if not failure.nothing_made or cause is None or made >= self._most:
            return None
        if cause in _HOPELESS or (cause in _OF_THE_KEY and not other_key):
            return None
        pause = 0.0 if other_key else self._backoff_seconds(failure.retry_after_seconds or 0.0, made)
        if pause > _LONGEST_PAUSE_SECONDS or pause >= left_seconds:
            return None
        if not (other_key and key_is_out) and not self._budget.take():
            self.over_budget += 1
            return None
        self.made[cause] += 1
        return pause

    def _backoff_seconds(self, asked_seconds: float, made: int) -> float:
        """At least what the upstream asked for."""
        return asked_seconds + self._spread() * _FIRST_PAUSE_SECONDS * float(2**made)
