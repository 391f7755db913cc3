"""Tidying hosted pictures: what has ended goes, then the oldest until the rest fits, and nothing else."""

import asyncio
import logging
from collections.abc import AsyncIterator
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.assets.names import expiry_of, new_name
from app.assets.store import AssetStore, StoredAsset, open_store
from app.assets.sweeper import GRACE_SECONDS, MOST_REMEMBERED, Survey, Sweeper, add_page, to_remove
from tests.assets.conftest import NOW, Clock
from tests.support.waiting import until

IMAGES = st.lists(
    st.builds(lambda end, size: StoredAsset(new_name(end, "png"), size), st.integers(0, 2000), st.integers(0, 100)),
    max_size=30,
)


def survey_of(pages: list[list[StoredAsset]]) -> Survey:
    """One look over these."""
    survey = Survey((), 0)
    for page in pages:
        survey = add_page(survey, page)
    return survey


@given(IMAGES, st.integers(0, 2000))
def test_what_stays_fits_and_what_goes_must(images: list[StoredAsset], most_bytes: int) -> None:
    """Everything past its end goes; of the rest the oldest go, and not one more than has to."""
    now = 1000 + GRACE_SECONDS
    gone = [image.name for image in to_remove(survey_of([images]), now, most_bytes)]
    stays = sorted(image for image in images if image.name not in gone)
    left_bytes = sum(image.size_bytes for image in stays)
    assert gone == sorted(image.name for image in images)[: len(gone)]
    assert all(expiry_of(image.name) > 1000 for image in stays)
    assert left_bytes <= most_bytes
    if gone and expiry_of(gone[-1]) > 1000:
        (last,) = [image for image in images if image.name == gone[-1]]
        assert left_bytes + last.size_bytes > most_bytes


@given(st.lists(IMAGES, max_size=4))
def test_a_survey_does_not_depend_on_the_order(pages: list[list[StoredAsset]]) -> None:
    """Stores list as they like; the survey is the same whatever page comes first."""
    assert survey_of(pages) == survey_of(pages[::-1]) == survey_of([[*chain(*pages)]])


def test_a_survey_is_bounded() -> None:
    """However many pictures there are, the oldest few thousand are remembered, and the bytes of all are counted."""
    pages = [
        [StoredAsset(new_name(second * 1000 + number, "png"), 2) for number in range(1000)]
        for second in range(7, -1, -1)
    ]
    survey = survey_of(pages)
    assert len(survey.oldest) == MOST_REMEMBERED
    assert [expiry_of(image.name) for image in survey.oldest] == list(range(MOST_REMEMBERED))
    assert survey.total_bytes == 16_000


async def content(size_bytes: int) -> AsyncIterator[bytes]:
    """A picture of this size."""
    yield bytes(size_bytes)


async def put(store: AssetStore, *ends: float, size_bytes: int = 1000) -> list[str]:
    """Pictures that end then."""
    names = [new_name(int(end), "png") for end in ends]
    for name in names:
        await store.put(name, content(size_bytes))
    return names


async def names(store: AssetStore) -> list[str]:
    """What is there."""
    return sorted([image.name async for page in store.pages() for image in page])


async def test_ended_pictures_are_removed(store: AssetStore, clock: Clock) -> None:
    """A picture goes a while after its link has ended, so that downloads begun in time can end."""
    _, staying, fresh = await put(store, NOW - GRACE_SECONDS, NOW - GRACE_SECONDS + 1, NOW + 3600)
    assert await Sweeper(store, 10**9, clock).sweep() == 1
    assert await names(store) == [staying, fresh]
    assert await Sweeper(store, 10**9, clock).sweep() == 0


async def test_the_oldest_make_room(store: AssetStore, clock: Clock) -> None:
    """Beyond the bytes allowed the oldest go, until the rest fits."""
    kept = await put(store, *[NOW + number for number in range(5)])
    assert await Sweeper(store, 2999, clock).sweep() == 3
    assert await names(store) == kept[3:]


async def test_replicas_may_sweep_at_once(store: AssetStore, clock: Clock) -> None:
    """Several sweepers over one store remove what one would have removed, and none of them fails."""
    *_, last = await put(store, *[NOW - 10_000 + number for number in range(20)], NOW + 1)
    await asyncio.gather(*[Sweeper(store, 10**9, clock).sweep() for _ in range(4)])
    assert await names(store) == [last]


async def test_one_sweep_removes_any_number(tmp_path: Path, clock: Clock) -> None:
    """More than are remembered of one listing are gone after one sweep all the same."""
    for number in range(MOST_REMEMBERED + 10):
        (tmp_path / new_name(number, "png")).touch()
    (last,) = await put(open_store(tmp_path), NOW)
    assert await Sweeper(open_store(tmp_path), 10**9, clock).sweep() == MOST_REMEMBERED + 10
    assert await names(open_store(tmp_path)) == [last]


async def test_drafts_of_dead_processes_go_too(tmp_path: Path, clock: Clock) -> None:
    """What a killed process left half written is tidied with the rest."""
    draft = tmp_path / f"{new_name(int(NOW - GRACE_SECONDS), 'png')}#1"
    draft.touch()
    await Sweeper(open_store(tmp_path), 10**9, clock).sweep()
    assert not draft.exists()


async def test_it_sweeps_until_it_is_closed(store: AssetStore, clock: Clock) -> None:
    """Once started it goes on by itself; closed, it has ended, and closing again is fine."""
    sweeper = Sweeper(store, 10**9, clock, every_seconds=0.01)
    sweeper.start()

    async def is_empty() -> bool:
        return await names(store) == []

    for _ in range(2):
        await put(store, NOW - 10_000)
        await until(is_empty)
    await sweeper.aclose()
    await sweeper.aclose()
    assert len(asyncio.all_tasks()) == 1


async def test_an_outage_is_told_when_it_begins_and_when_it_ends(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A store that fails again and again is one warning, and one line when it works again; sweeping goes on."""
    caplog.set_level(logging.INFO, "app.assets.sweeper")
    folder = tmp_path / "images"
    store = open_store(folder)
    await put(store, NOW - 10_000)
    away = folder.rename(tmp_path / "away")
    sweeper = Sweeper(store, 10**9, clock, every_seconds=0.001)
    sweeper.start()

    async def has_told(text: str) -> bool:
        return text in caplog.text

    await until(lambda: has_told("the store of pictures fails"))
    away.rename(folder)
    await until(lambda: has_told("works again"))
    await until(lambda: has_told("pictures removed"))
    await sweeper.aclose()
    first, *others = [record.message for record in caplog.records]
    assert first == "the store of pictures fails"
    assert sorted(others) == ["pictures removed", "the store of pictures works again"]
