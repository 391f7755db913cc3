"""What is seen of one exchange with the upstream, for whoever tells of it afterwards, kept up as it goes."""

import time

from msgspec import Struct, field

from app.traces.context import TraceContext
from app.upstream.failure import ExchangeFailed


class Trail(Struct):
    """One exchange, all its attempts together; its times are of ``time.perf_counter``."""

    request_id: str = ""
    trace: TraceContext | None = None
    """Its span, which every attempt tells the upstream of; None: the request has no trace."""
    started: float = field(default_factory=time.perf_counter)
    ended: float | None = None
    """None while it is under way."""
    attempts: int = 0
    key: str | None = None
    """Which of our keys the last attempt used, by its place: ``key 2 of 3``."""
    server: str | None = None
    """The host it was sent to."""
    status: int | None = None
    """Of the last answer."""
    upstream_id: str | None = None
    """The upstream's own id of it, of a success too where it tells one."""
    message: str = ""
    """The upstream's own words on what it failed of; they may quote the prompt."""
    error: str | None = None
    """The code of the error it ended in."""

    def fell(self, failure: ExchangeFailed) -> None:
        """Note the failure it ended in."""
        self.error, self.message = failure.error.code, failure.words
        self.upstream_id = failure.upstream_id or self.upstream_id
