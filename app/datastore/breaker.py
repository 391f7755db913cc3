"""The circuit breaker in front of Redis: after a few failures in a row, refuse at once for a moment, then try one."""

from msgspec import Struct


class Breaker(Struct):
    """Counts failures in a row; a plain state machine over a clock passed in, so that it can be tested as one.

    Closed: everything passes. Open: nothing passes until ``open_seconds`` went by. Then one batch may try; its success
    closes the breaker, its failure opens it again.
    """

    failures_to_open: int = 3
    open_seconds: float = 1.0
    failures: int = 0
    opened_at: float | None = None
    trying: bool = False

    def allows(self, now: float) -> bool:
        """Whether a command may be sent at ``now`` (seconds of a monotonic clock)."""
        if self.opened_at is None:
            return True
        if self.trying or now - self.opened_at < self.open_seconds:
            return False
        self.trying = True
        return True

    def retry_after_seconds(self, now: float) -> float:
        """How long until it is worth asking again."""
        if self.opened_at is None:
            return self.open_seconds
        return max(0.1, self.open_seconds - (now - self.opened_at))

    def succeeded(self) -> None:
        """Redis answered."""
        self.failures, self.opened_at, self.trying = 0, None, False

    def failed(self, now: float) -> None:
        """Redis did not answer, or answered that it cannot serve."""
        self.failures += 1
        self.trying = False
        if self.failures >= self.failures_to_open:
            self.opened_at = now
