"""Finding out anew where the servers are: one search at a time, with a pause between two, however many ask for it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from app.errors import StoreUnavailable

log = logging.getLogger(__name__)


class Search:
    """Runs ``look`` when somebody needs it. A storm of failures is one search, and another after the pause."""

    def __init__(self, look: Callable[[], Awaitable[None]], *, pause_seconds: float = 0.2) -> None:
        self._look = look
        self._pause_seconds = pause_seconds
        self._task: asyncio.Task[None] | None = None
        self._ended_at: float | None = None
        self._is_closed = False
        self.failure = ""
        """Why the last search found nothing; empty when it found something."""

    @property
    def age_seconds(self) -> float:
        """How long ago the last search ended."""
        return float("inf") if self._ended_at is None else asyncio.get_running_loop().time() - self._ended_at

    def soon(self) -> None:
        """Begin a search, unless one is under way or has just ended."""
        if self._task is None and not self._is_closed and self.age_seconds >= self._pause_seconds:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="search for redis")

    async def finished(self, timeout_seconds: float) -> None:
        """Wait for the search under way, or for a new one; what it found is the caller's to look at."""
        self.soon()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=timeout_seconds)

    async def aclose(self) -> None:
        """End the search under way; from now on nobody searches."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        try:
            await self._look()
        except StoreUnavailable as error:
            log.log(logging.DEBUG if self.failure else logging.WARNING, "redis not found", extra={"why": error.detail})
            self.failure = error.detail
        except Exception as error:
            log.exception("the search for redis failed")
            self.failure = f"{type(error).__name__}: {error}"
        else:
            self.failure = ""
        finally:
            self._task, self._ended_at = None, asyncio.get_running_loop().time()
