"""What is asked of every server, and which figures it gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.load import bursts, wrk
from tests.load.answers import Menu
from tests.load.servers import Server

PACE_PER_SECOND = 50.0
_IN_FLIGHT_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of a case."""

    name: str
    title: str
    unit: str
    form: str = "{:,.0f}"
    factor: float = 1.0
    """What a figure, in seconds, bytes or pieces, is multiplied by to have that unit."""
    more_is_better: bool = True

    def show(self, figure: float) -> str:
        """The figure for people."""
        return self.form.format(figure * self.factor)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a case gave."""

    figures: Mapping[Row, float]
    answered: int
    failed: int
    """Requests that were not answered with a 200."""


@dataclass(frozen=True, slots=True)
class Flood:
    """As many requests a second as so many connections carry."""

    name: str
    answer: str
    connections: int
    rate: Row | None = None
    p50: Row | None = None
    longer: float = 1.0
    """How many times longer than others its bursts are."""
    longer_for_slow: float = 1.0
    """And for servers that are slow."""
    tls: bool = False
    """Whether the upstream is asked over TLS."""
    is_kept: bool = False
    """Whether it is measured with kept answers, too."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """Its figures."""
        return tuple(row for row in (self.rate, self.p50) if row)

    def take(self, server: Server, menu: Menu, folder: Path, seconds: float) -> Taken:
        """Run one burst."""
        found = wrk.burst(
            server.port,
            menu.request(self.answer, server.model),
            server.all_headers(),
            folder / "wrk.lua",
            connections=self.connections,
            seconds=seconds,
        )
        figures = {}
        if self.rate:
            figures[self.rate] = found.per_second
        if self.p50:
            figures[self.p50] = found.p50_seconds
        return Taken(figures, found.answered, found.failed)


@dataclass(frozen=True, slots=True)
class Pace:
    """Small answers at a pace that nobody is at pains to hold."""

    name: str
    p50: Row
    p99: Row
    answer: str = "S"
    longer: float = 1.0
    longer_for_slow: float = 1.0
    tls: bool = False
    is_kept: bool = False

    @property
    def rows(self) -> tuple[Row, ...]:
        """Its figures."""
        return (self.p50, self.p99)

    def take(self, server: Server, menu: Menu, folder: Path, seconds: float) -> Taken:
        """Run one burst; ``folder`` is not needed."""
        request = bursts.request_bytes(menu.request(self.answer, server.model), server.all_headers())
        found = bursts.at_pace(server.port, request, per_second=PACE_PER_SECOND, seconds=seconds)
        figures = {self.p50: found.within(0.5), self.p99: found.within(0.99)}
        return Taken(figures, found.answered, found.asked - found.answered)


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many requests in one moment, each answered slowly with a picture."""

    name: str
    number: int
    answered: Row
    wall: Row
    answer: str = "slow"
    longer: float = 1.0
    longer_for_slow: float = 1.0
    tls: bool = False
    is_kept: bool = False

    @property
    def rows(self) -> tuple[Row, ...]:
        """Its figures, those of memory not among them."""
        return (self.answered, self.wall)

    def take(self, server: Server, menu: Menu, folder: Path, seconds: float) -> Taken:
        """Ask once; neither ``folder`` nor ``seconds`` is needed."""
        request = bursts.request_bytes(menu.request(self.answer, server.model), server.all_headers())
        found = bursts.at_once(server.port, request, self.number, within_seconds=_IN_FLIGHT_SECONDS)
        figures = {self.answered: float(found.answered), self.wall: found.wall_seconds}
        return Taken(figures, found.answered, found.asked - found.answered)


Case = Flood | Pace | Crowd


def _rate(name: str, title: str, form: str = "{:,.0f}") -> Row:
    return Row(name, title, "a second", form)


def _time(name: str, title: str) -> Row:
    return Row(name, title, "ms", "{:,.2f}", 1e3, more_is_better=False)


def crowd(number: int, *, is_kept: bool = False) -> Crowd:
    """A crowd of that number, with its rows."""
    title = f"{number} in flight"
    wall = Row(f"{number} wall", f"{title}, until the last answer", "s", "{:.1f}", more_is_better=False)
    return Crowd(str(number), number, Row(f"{number} answered", f"{title}, answered", ""), wall, is_kept=is_kept)


CASES: tuple[Case, ...] = (
    Flood("S", "S", 64, _rate("S", "S (315 B), 64 connections"), _time("S p50", "S, 64 connections, p50")),
    Flood("S1", "S", 1, p50=_time("S1", "S, 1 connection, p50")),
    Flood("M", "M", 8, _rate("M", "M (2.1 MB), 8 connections"), is_kept=True),
    Flood(
        "L", "L", 4, _rate("L", "L (21 MB), 4 connections", "{:,.1f}"), longer=4 / 3, longer_for_slow=3.0, is_kept=True
    ),
    Flood("SSE", "SSE", 16, _rate("SSE", "SSE (4 events, 257 KB), 16 connections")),
    Pace("paced", _time("paced p50", "S, 50 a second, p50"), _time("paced p99", "S, 50 a second, p99")),
    Flood("TLS-S", "S", 64, _rate("TLS-S", "S, upstream over TLS, 64 connections"), tls=True),
    Flood("TLS-M", "M", 8, _rate("TLS-M", "M, upstream over TLS, 8 connections"), tls=True),
    crowd(300),
    crowd(1000, is_kept=True),
)
