"""How the memory of a process grows: the slope of a straight line through its samples, by least squares."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tests.soak.facts import Sample

WARM_SECONDS = 150.0
"""In which a process fills what it keeps for two minutes (`app.ledger.recent`), and its allocator what it needs."""
LEAST_SECONDS = 60.0
"""Behind that. In less, one picture more or less in memory is a slope."""


@dataclass(frozen=True, slots=True)
class Life:
    """One process of a replica, from its first sample to its last."""

    replica: str
    number: int
    seconds: float
    last_bytes: int
    most_bytes: int
    measured_seconds: float
    """Behind the warm-up; 0 where it was too short to say anything."""
    bytes_per_second: float
    """The slope in that time."""

    @property
    def megabytes_an_hour(self) -> float:
        """The slope as people think of it."""
        return self.bytes_per_second * 3600 / 1e6

    @property
    def grown_bytes(self) -> float:
        """What the line rises by in the time that was measured."""
        return self.bytes_per_second * self.measured_seconds


def lives(samples: Sequence[Sample]) -> list[Life]:
    """All processes, by replica and in their order."""
    found: dict[tuple[str, int], list[Sample]] = defaultdict(list)
    for sample in samples:
        found[sample.replica, sample.life].append(sample)
    return [_life(replica, number, found[replica, number]) for replica, number in sorted(found)]


def longest(samples: Sequence[Sample], replica: str) -> Life | None:
    """The longest life of a replica."""
    return max(
        (life for life in lives(samples) if life.replica == replica), key=lambda life: life.seconds, default=None
    )


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line that lies nearest to the points; 0 for a single one."""
    middle_x, middle_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0.0


def _life(replica: str, number: int, samples: Sequence[Sample]) -> Life:
    began, seconds = samples[0].at_seconds, samples[-1].at_seconds - samples[0].at_seconds
    warm = [(one.at_seconds, one.resident_bytes) for one in samples if one.at_seconds - began >= WARM_SECONDS]
    measured = seconds - WARM_SECONDS
    is_long = measured >= LEAST_SECONDS
    sizes = [one.resident_bytes for one in samples]
    return Life(
        replica,
        number,
        seconds,
        sizes[-1],
        max(sizes),
        measured if is_long else 0.0,
        slope(warm) if is_long else 0.0,
    )
