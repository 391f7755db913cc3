"""What a soak run collects, as plain values: what clients saw, what was drawn, what was booked, what was broken."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Ending = Literal["whole", "error event", "cut", "left", "no head", "no connection", "silence"]
"""How an exchange ended for its client: with the whole answer, a stream with an error event, an answer that broke off,
its own hang-up, a connection that broke before an answer began, nobody who listened, or no end within its patience."""


class Kind(StrEnum):
    """What can be broken."""

    KILL = "kill -9 of a replica"
    TERMINATE = "SIGTERM of a replica"
    REDIS_KILL = "kill -9 of Redis"
    REDIS_RESTART = "Redis restarted"
    REDIS_FREEZE = "Redis frozen"
    UPSTREAM_AWAY = "upstream away"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP exchange, as its client saw it."""

    errand: int
    kind: str
    attempt: int
    """0 for the first; above that, the same order under the same name, or a fetch."""
    replica: str
    at_seconds: float
    """Since the traffic began."""
    seconds: float
    ended: Ending
    status: int = 0
    code: str = ""
    """Of an error; "" where there is none."""
    pictures: int = 0
    """That arrived complete and could be decoded."""
    digest: str = ""
    """Of a whole answer with pictures."""
    is_replayed: bool = False
    is_fetched: bool = False
    """Whether it tells what became of an order that was taken."""
    complaint: str = ""
    """What is wrong with it in itself; "" for nothing."""
    broken_by: str = ""
    """What the connection broke with, where it did."""
    request_id: str = ""
    """By which the logs of the replicas know it; "" where there was no head."""

    @property
    def label(self) -> str:
        """Its class in the report; who asks again may have to wait for what others began."""
        told = f"{self.status} {self.code}".strip() if self.status else self.ended
        if self.status and self.ended != "whole":
            told = f"{told}, {self.ended}"
        if self.is_replayed:
            told = f"{told}, bought before"
        if self.attempt == 0:
            return told
        return f"{'fetched' if self.is_fetched else 'again'}: {told}"


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for under one number, whatever became of it."""

    number: int
    kind: str
    fault: str = ""
    """The scenario of the upstream that it met; "" for none."""
    is_named: bool = False
    """Whether it has an Idempotency-Key."""


@dataclass(slots=True)
class Drawn:
    """What the upstream made and bills for one order, by its own log."""

    exchanges: int = 0
    """That drew something."""
    pictures: int = 0
    nanos: int = 0


@dataclass(frozen=True, slots=True)
class Purchase:
    """What the ledger says of one request, its corrections included."""

    request: str
    errand: int
    outcome: str
    cost: int
    """Nano-dollars."""
    images: int
    flags: str


@dataclass(frozen=True, slots=True)
class Spending:
    """A budget of a team or a key; nano-dollars."""

    scope: str
    limit: int
    spent: int
    most: int
    """The most that was seen spent and held at once while the run lasted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was broken on purpose."""

    kind: Kind
    at_seconds: float
    until_seconds: float
    """When it was mended: a process ready again, a freeze over."""
    replica: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """A replica's process at one moment."""

    replica: str
    life: int
    """Which process it is: counted from 1."""
    at_seconds: float
    resident_bytes: int


@dataclass(frozen=True, slots=True)
class Rest:
    """A replica at rest."""

    replica: str
    descriptors: int
    threads: int
    unlinked: int = 0
    """Open files that no folder lists: pictures on their way through."""
    busy: int = 0
    """Requests in flight, in a queue or joined, by its own metrics."""
    journal: int = 0
    """Resolutions that wait on the disk, by its own metrics."""
    tasks: int = 0
    """Of its event loop, by its own metrics."""


@dataclass(frozen=True, slots=True)
class Books:
    """What the books say once everything has come to rest."""

    purchases: tuple[Purchase, ...]
    spendings: tuple[Spending, ...]
    differences: int
    """Between the spend that budgets are compared with and the sum of the entries, in nano-dollars, all teams."""
    verified: str
    """What `imagegate ledger verify` printed."""
    verify_status: int
    held: int = 0
    """Teams that still have holds."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a report is made of."""

    seed: int
    traffic_seconds: float
    """How long orders were sent."""
    seconds: float
    """Until the last of them was answered."""
    rest_seconds: float
    """How long it took until everything had come to rest; infinite if it never did."""
    orders: Mapping[int, Order]
    answers: tuple[Answer, ...]
    drawn: Mapping[int, Drawn]
    books: Books
    faults: tuple[Fault, ...]
    wanted_faults: tuple[Kind, ...]
    samples: tuple[Sample, ...]
    before: tuple[Rest, ...]
    after: tuple[Rest, ...]
    own_faults: tuple[str, ...] = ()
    """What the replicas logged as faults of their own, and processes that did not start or stop as they should."""
