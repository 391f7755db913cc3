"""Slows down whoever tries credentials: wrong ones from one address wait, then are refused; good ones never are.

An address that knows nothing of ours may guess; what it tries is looked at all the same, and only the answer to a wrong
one is held back. So nobody with a good key or token is delayed or refused for an address shared with somebody who
guesses.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from msgspec import Struct
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import LimitExceeded
from app.metrics import Metrics
from app.web.client_address import Network, client_address
from app.web.errors import is_admin, send_refusal

FREE_FAILURES = 10
"""A wrong key in somebody's script fails a few times before it is looked at."""
DELAYED_FAILURES = 20
"""From here on an address is told 429, after the longest delay."""
DELAY_SECONDS = 1.0
_FORGIVEN_PER_SECOND = 0.2
_MOST_WAITING = 100
"""At once, over all addresses; who finds no place is told 429. A waiting answer costs a connection and little else."""
_MOST_ADDRESSES = 10_000


class _Failures(Struct):
    """How often an address failed of late: a level that sinks with time."""

    level: float
    at: float


class Failures:
    """Counts the failures of each address, of the ones that failed last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = _MOST_ADDRESSES) -> None:
        self._clock = clock
        self._most = most
        self._by_address: OrderedDict[str, _Failures] = OrderedDict()

    def count(self, address: str) -> float:
        """One more of an address; how many it has now, those forgiven left out."""
        now = self._clock()
        failures = self._by_address.setdefault(address, _Failures(0.0, now))
        self._by_address.move_to_end(address)
        sunk = max(0.0, failures.level - (now - failures.at) * _FORGIVEN_PER_SECOND)
        # A level without a bound would take as long to sink as the guessing took.
        failures.level, failures.at = min(sunk + 1, DELAYED_FAILURES + 1.0), now
        if len(self._by_address) > self._most:
            self._by_address.popitem(last=False)
        return failures.level

    def __len__(self) -> int:
        return len(self._by_address)


def delay_seconds(failures: float) -> float | None:
    """How long the answer to a wrong credential is held back, rising to `DELAY_SECONDS`; None: it is a 429."""
    if failures > DELAYED_FAILURES:
        return None
    over = max(0.0, failures - FREE_FAILURES) / (DELAYED_FAILURES - FREE_FAILURES)
    return over * DELAY_SECONDS


class Throttle:
    """Plain ASGI around both doors; sees which answers are a 401."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        failures: Failures,
        trusted: Sequence[Network],
        metrics: Metrics,
        most_waiting: int = _MOST_WAITING,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._failures = failures
        self._trusted = trusted
        self._most_waiting = most_waiting
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and look at the answer where a credential was sent; who sends none does not guess."""
        if scope["type"] != "http" or not _has_credential(scope):
            await self._app(scope, receive, send)
            return
        is_answered = False

        async def send_slowly(message: Message) -> None:
            nonlocal is_answered
            if is_answered:
                return
            if message["type"] == "http.response.start" and message["status"] == 401:
                is_answered = await self._refused(scope, send)
                if is_answered:
                    return
            await send(message)

        await self._app(scope, receive, send_slowly)

    async def _refused(self, scope: Scope, send: Send) -> bool:
        """Count a failure and let it wait, the 429 too; whether it was answered here, with a 429."""
        delay = delay_seconds(self._failures.count(client_address(scope, self._trusted)))
        is_full = self._waiting >= self._most_waiting
        is_refused = delay is None or (delay > 0 and is_full)
        answer = "refused" if is_refused else "delayed" if delay else "at_once"
        self._metrics.wrong_credentials.labels("operator" if is_admin(scope) else "public", answer).inc()
        if delay != 0 and not is_full:
            self._waiting += 1
            try:
                await asyncio.sleep(DELAY_SECONDS if delay is None else delay)
            finally:
                self._waiting -= 1
        if is_refused:
            await send_refusal(scope, send, _too_many())
        return is_refused


def _has_credential(scope: Scope) -> bool:
    for name, _ in scope["headers"]:  # noqa: SIM110 - a generator would cost five times as much, on every request
        if name == b"authorization":
            return True
    return False


def _too_many() -> LimitExceeded:
    return LimitExceeded(
        "This key or token is not one that works here, like many before it from the same address. Try again later, "
        "or with one that works: that is never refused for its address.",
        code="too_many_failures",
        retry_after_seconds=1 / _FORGIVEN_PER_SECOND,
        should_retry=False,
    )
