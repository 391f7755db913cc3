"""Replay: the kept answer of a request that is over, waited for while it is still being put away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from app.assets.names import expiry_of
from app.assets.results import KeptResult, Results
from app.errors import ResultExpired
from app.requests.models import RequestRecord
from app.requests.register import Register

KEEPING_SECONDS: Final = 120.0
"""An answer is put away when its own client was served, which may have to wait for a conversion, or read slowly; what
is not there so long after the settlement never will be."""
_PAUSES_SECONDS: Final = (0.1, 1.0)
"""Between two looks: the first, and the longest. Mostly the answer is there at the second."""


class Replays:
    """Finds kept answers."""

    def __init__(self, register: Register, results: Results) -> None:
        self._register = register
        self._results = results

    async def open(
        self,
        team_id: str,
        record: RequestRecord,
        *,
        seconds: float,
        gives_up: Callable[[], bool],
    ) -> KeptResult | None:
        """The answer of a delivered request.

        None where it is still being put away at the end of the wait, which ends early when the caller gives up.

        Raises:
            ResultExpired: it is not kept, not any more, or could not be.
            ImageStoreUnavailable: nobody can tell now.
            StoreUnavailable: Redis does not answer.

        """
        deadline = asyncio.get_running_loop().time() + seconds
        pause, longest = _PAUSES_SECONDS
        current: RequestRecord | None = record
        while current is not None and current.result is not None:
            kept = await self._results.open(current.result)
            if kept is not None:
                return kept
            if not is_being_kept(current):
                break
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or gives_up():
                return None
            await asyncio.sleep(min(left, pause))
            pause = min(pause * 2, longest)
            current = await self._register.find(team_id, record.key_id, record.id)  # a failed keep takes the name back
        raise ResultExpired(
            "The picture of this request is not kept any more; it was paid for, and is not bought again by asking. "
            f"What became of it: GET /v1/images/requests/{record.id}?view=state."
        )

    def pieces(self, kept: KeptResult) -> AsyncIterator[bytes]:
        """The bytes of the answer as first given; raises ImageStoreUnavailable where the store fails meanwhile."""
        return self._results.read(kept)


def is_being_kept(record: RequestRecord) -> bool:
    """Whether the answer of a delivered request may still be on its way into the store."""
    if record.result is None or record.resolved_at is None or expiry_of(record.result) <= record.seen_at.timestamp():
        return False
    return (record.seen_at - record.resolved_at).total_seconds() < KEEPING_SECONDS
