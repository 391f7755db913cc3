"""Searching for the servers: one search at a time, a pause between two, none after the end."""

import asyncio
import logging

import pytest

from app.datastore.replies import unavailable
from app.datastore.search import Search


class Looks:
    """A look that can be held up; it counts how often it began, and fails as it is told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = 0
        self.go_on = asyncio.Event()
        self.error = error

    async def __call__(self) -> None:
        self.begun += 1
        await self.go_on.wait()
        if self.error is not None:
            raise self.error


async def test_a_storm_is_one_search() -> None:
    """However many ask, before and shortly after, one search runs; everybody who waits sees its end."""
    looks = Looks()
    search = Search(looks, pause_seconds=1000)
    for _ in range(3):
        search.soon()
    waiting = [asyncio.create_task(search.finished(10)) for _ in range(3)]
    await asyncio.sleep(0)
    assert looks.begun == 1
    looks.go_on.set()
    await asyncio.gather(*waiting)
    search.soon()
    await search.finished(10)
    assert looks.begun == 1, "it ended a moment ago"
    assert search.age_seconds < 1000
    await search.aclose()


async def test_without_a_pause_each_need_is_a_search() -> None:
    """When the pause is over the next need begins another."""
    looks = Looks()
    looks.go_on.set()
    search = Search(looks, pause_seconds=0)
    for _ in range(3):
        await search.finished(10)
    assert looks.begun == 3
    await search.aclose()


@pytest.mark.parametrize("error", [unavailable("nobody there", may_have_happened=False), ValueError("nobody there")])
async def test_a_failure_is_remembered_until_a_success(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """Why it found nothing is kept for the refusals; whatever it was, the next search is made."""
    looks = Looks(error)
    looks.go_on.set()
    search = Search(looks, pause_seconds=0)
    with caplog.at_level(logging.WARNING):
        await search.finished(10)
    assert "nobody there" in search.failure
    assert len(caplog.records) == 1
    looks.error = None
    await search.finished(10)
    assert search.failure == ""
    await search.aclose()


async def test_waiting_ends_in_time_and_closing_ends_the_search() -> None:
    """A search that hangs holds nobody up; after the end nobody searches."""
    looks = Looks()
    search = Search(looks, pause_seconds=0)
    await search.finished(0.01)
    await search.aclose()
    await search.finished(10)
    assert looks.begun == 1
