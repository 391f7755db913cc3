"""Which pictures there are, and what is on each."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Line:
    """One figure along an axis, multiplied so that it is in the unit of its panel."""

    figure: str
    label: str
    factor: float = 1.0
    is_first_only: bool = False
    """Of the first repetition: what memory a later place on the axis took is not all given back for the next."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines in one unit, over one axis."""

    axis: str
    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    is_log_x: bool = True
    is_log_y: bool = False
    y_at_least: float = 0.0
    """Up to where the axis goes, so that next to nothing looks like it."""
    names: tuple[str, ...] = ()
    """Of the places, where they are no numbers; there are bars instead of lines."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A file of panels."""

    name: str
    rows: tuple[tuple[Panel, ...], ...]


_RATE: Final = (Line("per_second", "answers"),)
_LATENCY: Final = (Line("p50_seconds", "p50", 1e3), Line("p99_seconds", "p99", 1e3))
_MEMORY: Final = (Line("resident_bytes", "memory", 1e-6, is_first_only=True),)
_CPU: Final = (Line("cpu_seconds", "CPU", 1e3),)
_REDIS: Final = (Line("admission_seconds", "admission", 1e6), Line("settlement_seconds", "settlement", 1e6))
_AT_ONCE: Final = "connections, each with a request at all times"
_BEHIND: Final = ("1 gateway", "nginx +\n1 gateway", "nginx +\n2 gateways")


def _connections(title: str, y_label: str, lines: tuple[Line, ...], *, is_log_y: bool = False) -> Panel:
    return Panel("connections", title, _AT_ONCE, y_label, lines, is_log_y=is_log_y)


def _sizes(title: str, y_label: str, lines: tuple[Line, ...], *, is_log_y: bool = False) -> Panel:
    return Panel("sizes", title, "bytes of an answer", y_label, lines, is_log_y=is_log_y)


def _limits(title: str, y_label: str, lines: tuple[Line, ...]) -> Panel:
    return Panel("limits", title, "limits of team and of key, each", y_label, lines, is_log_x=False)


def _replicas(title: str, y_label: str, lines: tuple[Line, ...]) -> Panel:
    return Panel("replicas", title, "", y_label, lines, is_log_x=False, names=_BEHIND)


def _growth(axis: str, title: str, y_label: str, lines: tuple[Line, ...]) -> Panel:
    x_label = {"teams": "teams", "keys": "virtual keys of a team", "entries": "ledger entries of a team"}[axis]
    return Panel(axis, title, x_label, y_label, lines, y_at_least=5.0 if "%" in y_label else 0.0)


_FILLED: Final = ("teams", "keys", "entries")
PICTURES: Final = (
    Picture(
        "connections",
        (
            (
                _connections("Throughput, 300-byte answers", "answers a second", _RATE),
                _connections("Latency", "ms", _LATENCY, is_log_y=True),
            ),
            (
                _connections("CPU of the gateway", "ms an answer", _CPU),
                _connections("Memory of the gateway, at most", "MB", _MEMORY),
            ),
        ),
    ),
    Picture(
        "sizes",
        (
            (
                _sizes("Throughput, 8 at once", "answers a second", _RATE, is_log_y=True),
                _sizes("Bytes", "MB a second", (Line("bytes_per_second", "bytes", 1e-6),)),
            ),
            (
                _sizes("Latency", "ms", _LATENCY, is_log_y=True),
                _sizes("Memory of the gateway, at most", "MB", _MEMORY),
            ),
        ),
    ),
    Picture(
        "growth",
        (
            tuple(_growth(axis, "CPU of Redis", "µs a request", _REDIS) for axis in _FILLED),
            tuple(_growth(axis, "CPU of the gateway", "ms an answer", _CPU) for axis in _FILLED),
            tuple(
                _growth(axis, "The gateway while nobody asks", "% of a core", (Line("idle_share", "idle", 100),))
                for axis in _FILLED
            ),
        ),
    ),
    Picture(
        "growth-answers",
        (
            tuple(_growth(axis, "Throughput, 64 at once", "answers a second", _RATE) for axis in _FILLED),
            tuple(_growth(axis, "Latency", "ms", _LATENCY) for axis in _FILLED),
            tuple(_growth(axis, "Memory of the gateway, at most", "MB", _MEMORY) for axis in _FILLED),
        ),
    ),
    Picture(
        "limits",
        (
            (
                _limits("CPU of Redis", "µs a request", _REDIS),
                _limits("CPU of the gateway", "ms an answer", _CPU),
            ),
            (
                _limits("Throughput, 64 at once", "answers a second", _RATE),
                _limits("Latency, 64 at once", "ms", _LATENCY),
            ),
        ),
    ),
    Picture(
        "replicas",
        (
            (
                _replicas("Throughput, 64 at once", "answers a second", _RATE),
                _replicas("CPU of the gateways together", "ms an answer", _CPU),
            ),
            (
                _replicas("Latency", "ms", _LATENCY),
                _replicas("Memory of the gateways together, at most", "MB", _MEMORY),
            ),
        ),
    ),
    Picture(
        "expired-holds",
        (
            (
                Panel(
                    "expired_holds",
                    "CPU of Redis behind a crash",
                    "holds that have run out",
                    "ms",
                    (Line("first_seconds", "first admission", 1e3), Line("all_seconds", "until none is left", 1e3)),
                    is_log_x=False,
                ),
            ),
        ),
    ),
)
