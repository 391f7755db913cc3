"""Work is ended when its time is up, and only then."""

import asyncio
import contextlib

import pytest

from app.patience import Patience


async def test_work_that_takes_too_long_is_ended() -> None:
    """It is cancelled, and whoever asked for it gets a TimeoutError; the task itself goes on."""
    limit = Patience(0.02).limit()
    with pytest.raises(TimeoutError), limit:
        await asyncio.Event().wait()
    assert limit.is_over
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
    await asyncio.sleep(0)


async def test_work_done_in_time_is_left_alone() -> None:
    """Nothing comes behind it, however long its task goes on."""
    patience = Patience(0.02)
    with patience.limit() as limit:
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError), patience.limit():  # by then the first one's time is up as well
        await asyncio.Event().wait()
    assert not limit.is_over


async def test_each_has_its_own_time() -> None:
    """One timer serves all: those that began later end later, and those that are done do not end at all."""
    patience, ended = Patience(0.05), []

    async def work(name: str) -> None:
        try:
            with patience.limit():
                await asyncio.Event().wait()
        except TimeoutError:
            ended.append(name)

    async def quick() -> None:
        with patience.limit():
            await asyncio.sleep(0)
        ended.append("quick")

    first = asyncio.create_task(work("first"))
    await asyncio.sleep(0.01)
    await asyncio.gather(first, quick(), work("second"))
    assert ended == ["quick", "first", "second"]


async def test_a_cancellation_by_others_stays_one() -> None:
    """A task that is cancelled in time ends as cancelled, also where its time runs out while it does."""
    for seconds in (60.0, 0.02):
        patience, begun = Patience(seconds), asyncio.Event()

        async def work(patience: Patience = patience, begun: asyncio.Event = begun) -> None:
            with patience.limit() as limit:
                begun.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    while patience.seconds < 1 and not limit.is_over:
                        with contextlib.suppress(asyncio.CancelledError):
                            await asyncio.Event().wait()
                    raise

        task = asyncio.create_task(work())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()


async def test_an_error_of_the_work_is_told_as_it_is() -> None:
    """What goes wrong in time is no timeout."""
    with pytest.raises(ZeroDivisionError), Patience(60).limit():
        raise ZeroDivisionError
