"""How slowly a client may take its answer."""

import asyncio

import pytest

from app.web.pace import LEAST_BYTES_PER_SECOND, Pace


async def takes(seconds: float) -> None:
    """A piece that is taken after so long."""
    await asyncio.sleep(seconds)


async def test_what_is_taken_earns_patience() -> None:
    """A reader at the least rate goes on for ever, however long all of it takes."""
    pace = Pace(1)
    for _ in range(8):
        await pace.keep(takes(0.2), LEAST_BYTES_PER_SECOND)


async def test_a_trickle_has_an_end() -> None:
    """Pieces that each come in time, and are next to nothing, use the patience up together."""
    pace, taken = Pace(0.2), list[int]()

    async def trickle() -> None:
        for number in range(100):
            await pace.keep(takes(0.01), 1)
            taken.append(number)

    with pytest.raises(TimeoutError):
        await trickle()
    assert taken


async def test_nothing_is_not_waited_for() -> None:
    """A piece that nobody takes ends it at once."""
    with pytest.raises(TimeoutError):
        await Pace(0.01).keep(takes(60), 10**9)
