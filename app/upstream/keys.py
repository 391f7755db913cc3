"""Which of the upstream's keys is used next: the first that works, with one small circuit breaker for each.

A key is *closed* (in use), *open* (out until a time) or *half open*: that time has come, and one request may try it.
The try is a lease of some seconds rather than a slot, so that one which never reports (its client left) locks nobody
out, and one that draws for a minute does not keep the others waiting. A key comes back by its first success.

Nothing here waits or speaks to anybody. Keys are named by their position; the secret is in no text this file makes.
"""

import logging
import math
import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from app.errors import InvalidRequest, UpstreamFailed
from app.upstream.failure import Cause, ExchangeFailed

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 5
"""So many answers that were lost or failed take a key out, if none was good between them ..."""
NOTHING_GOOD_SECONDS = 10.0
"""... and none for so long: among many requests under way five in a row are chance."""
PROBE_SECONDS = 5.0
"""How long a key that may be tried again belongs to the request that tries it."""
JITTER = 0.25
"""By how much of itself a cool-down may be longer, so that replicas do not come back all at once."""


class State(StrEnum):
    """Where the breaker of a key stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Condition(StrEnum):
    """How a key is, in the words of metrics, of the log and of the operator's door."""

    READY = "ready"
    RESTING = "resting"
    """Out for a moment, or being tried again; it comes back by itself."""
    REFUSED = "refused"
    """The account's matter: somebody has to look."""


class Trouble(StrEnum):
    """Why a key is out."""

    ACCOUNT = "account"
    BUSY = "busy"
    FAILING = "failing"


_COOL_DOWN_SECONDS = {Trouble.ACCOUNT: (30.0, 600.0), Trouble.BUSY: (5.0, 60.0), Trouble.FAILING: (5.0, 60.0)}
"""How long a key is out at first, and at most: each time that the try after it fails too takes twice as long. A refused
account waits for a person; after ten minutes at most it is seen that one came."""


@dataclass(slots=True, eq=False)
class Key:
    """One key, and what was seen of it last; to be changed by :class:`UpstreamKeys` alone."""

    secret: str = field(repr=False)
    name: str
    """Its position: ``key 2 of 3``."""
    lost_in_a_row: int = 0
    good_at: float = -math.inf
    """When the last good answer came, by the clock of the keys."""
    trouble: Trouble | None = None
    until: float = 0.0
    """When a key in trouble may be tried, by the clock of the keys."""
    failed_tries: int = 0
    """How often it was taken out without a success between them."""
    times_out: int = 0
    """How often it was taken out at all."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One use of a key; what came of it is told to :meth:`UpstreamKeys.note`."""

    key: Key
    times_out: int
    """Of the key when it was chosen: who chose it before it was last taken out tells nothing new."""


class UpstreamKeys:
    """The keys in the operator's order."""

    def __init__(
        self,
        secrets: Sequence[str],
        clock: Callable[[], float],
        spread: Callable[[], float] = random.random,
    ) -> None:
        """Seconds come from ``clock``; ``spread`` gives numbers from 0 to 1 for the jitter."""
        self._keys = [Key(secret, f"key {at} of {len(secrets)}") for at, secret in enumerate(secrets, start=1)]
        self._clock = clock
        self._spread = spread
        self.ejections: Counter[tuple[str, Trouble]] = Counter()
        """How often each key was taken out, by its name and the trouble."""

    @property
    def states(self) -> dict[str, State]:
        """Where the breaker of each key stands, by its name."""
        return {key.name: self.state(key) for key in self._keys}

    @property
    def conditions(self) -> dict[str, Condition]:
        """How each key is, by its name."""
        return {key.name: _condition(key) for key in self._keys}

    def state(self, key: Key) -> State:
        """Where the breaker of this key stands."""
        if key.trouble is None:
            return State.CLOSED
        return State.OPEN if self._clock() < key.until else State.HALF_OPEN

    def choose(self, avoided: Collection[Key] = ()) -> Turn | None:
        """The first key that may be used, of the ``avoided`` ones only if there is no other; None with all out."""
        usable = [key for key in self._keys if self.state(key) is not State.OPEN]
        chosen = next((key for key in usable if key not in avoided), next(iter(usable), None))
        if chosen is None:
            return None
        if chosen.trouble is not None:
            chosen.until = self._clock() + PROBE_SECONDS
        return Turn(chosen, chosen.times_out)

    def has_other(self, avoided: Collection[Key]) -> bool:
        """Whether a key beside these may be used."""
        return any(key not in avoided and self.state(key) is not State.OPEN for key in self._keys)

    def back_in_seconds(self) -> float | None:
        """When the first key may be tried again; 0 if one may be used now, None without any key."""
        if any(self.state(key) is not State.OPEN for key in self._keys):
            return 0.0
        return min((key.until - self._clock() for key in self._keys), default=None)

    def note(self, turn: Turn, failure: ExchangeFailed | None) -> None:
        """Take note of what came of a use: a whole answer (None), or this failure."""
        key = turn.key
        if turn.times_out != key.times_out:
            return
        if failure is None:
            self._succeeded(key)
        elif failure.cause is Cause.ACCOUNT:
            self._eject(key, Trouble.ACCOUNT)
        elif failure.cause is Cause.BUSY and self.has_other([key]):
            # One that is alone is better busy than out: its 429 may be about one model.
            self._eject(key, Trouble.BUSY, failure.retry_after_seconds)
        elif (failure.charged or isinstance(failure.error, UpstreamFailed)) and not failure.held_up:
            key.lost_in_a_row += 1
            if key.trouble is not None or self._is_failing(key):
                self._eject(key, Trouble.FAILING)
        else:
            if isinstance(failure.error, InvalidRequest):
                self._was_good(key)  # an answer, if no proof that the key may buy
            if key.trouble is not None:
                key.until = self._clock()  # a try that decided nothing: the next one may

    def _is_failing(self, key: Key) -> bool:
        return key.lost_in_a_row >= FAILURES_IN_A_ROW and self._clock() - key.good_at >= NOTHING_GOOD_SECONDS

    def _was_good(self, key: Key) -> None:
        key.lost_in_a_row, key.good_at = 0, self._clock()

    def _succeeded(self, key: Key) -> None:
        self._was_good(key)
        if key.trouble is not None:
            log.info("upstream %s is back", key.name, extra={"event": "upstream_key_back"})
            key.trouble, key.failed_tries = None, 0

    def _eject(self, key: Key, trouble: Trouble, asked_seconds: float | None = None) -> None:
        first, most = _COOL_DOWN_SECONDS[trouble]
        cool_down = max(min(most, first * 2**key.failed_tries), asked_seconds or 0.0) * (1 + JITTER * self._spread())
        if key.trouble is not trouble:
            level = logging.ERROR if trouble is Trouble.ACCOUNT else logging.WARNING
            told = {"event": "upstream_key_out", "trouble": trouble.value, "seconds": round(cool_down, 1)}
            log.log(level, "upstream %s is out: %s", key.name, _SAID[trouble], extra=told)
        self.ejections[key.name, trouble] += 1
        key.trouble, key.until = trouble, self._clock() + cool_down
        key.failed_tries += 1
        key.times_out += 1
        key.lost_in_a_row = 0


_SAID = {
    Trouble.ACCOUNT: "it is not accepted or has no quota left; somebody has to look",
    Trouble.BUSY: "it gets 429s",
    Trouble.FAILING: f"{FAILURES_IN_A_ROW} answers in a row were lost or failed",
}


def _condition(key: Key) -> Condition:
    if key.trouble is None:
        return Condition.READY
    return Condition.REFUSED if key.trouble is Trouble.ACCOUNT else Condition.RESTING


def split_keys(text: str) -> tuple[str, ...]:
    """The keys of a setting, between commas, each once and in order."""
    return tuple(dict.fromkeys(key for part in text.split(",") if (key := part.strip())))
