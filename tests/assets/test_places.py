"""What the settings make of the places for pictures and answers."""

from contextlib import aclosing
from pathlib import Path

import pytest

from app.settings.loading import load_settings
from app.settings.names import SettingsError
from app.wiring.archive import is_archive_shared, open_archive
from app.wiring.services import open_services
from tests.support.s3_server import BUCKET

NO_REDIS = "redis://127.0.0.1:1"


async def keep_one(**given: object) -> str:
    """A gateway with these settings keeps an answer; its name."""
    async with open_services(load_settings(**given), NO_REDIS, background=False) as services:
        name, draft = services.results.new_name("json"), services.results.open_draft()
        assert draft is not None
        async with aclosing(draft):
            await draft.write(b"{}")
            assert await services.results.keep(name, draft)
    return name


async def test_answers_lie_in_the_data_folder(tmp_path: Path) -> None:
    """Unless told otherwise, in a folder that is for us alone, apart from the pictures."""
    name = await keep_one(data_dir=tmp_path)

    assert [path.name for path in (tmp_path / "results").iterdir()] == [name]
    assert (tmp_path / "results").stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "images").iterdir()) == []


async def test_one_place_for_both_is_divided(tmp_path: Path, s3_address: str) -> None:
    """Pictures and answers have limits of their own: in the same place, answers go below the pictures."""
    shared = tmp_path / "shared"
    name = await keep_one(data_dir=tmp_path / "data", image_store=str(shared), result_store=f"{shared}/")
    assert (shared / "results" / name).exists()

    assert s3_address.startswith(f"s3://{BUCKET}/")
    name = await keep_one(data_dir=tmp_path / "data", image_store=s3_address, result_store=s3_address)
    below = load_settings(data_dir=tmp_path / "data", result_store=f"{s3_address}/results")
    async with open_services(below, NO_REDIS, background=False) as services:
        assert await services.results.open(name) is not None


async def test_archived_entries_lie_in_the_data_folder(tmp_path: Path, s3_address: str) -> None:
    """Unless told otherwise, in a folder of their own; a place that cannot be one is told at the start."""
    for given in ({}, {"archive_store": s3_address}):
        store = open_archive(load_settings(data_dir=tmp_path, **given))
        await store.put("T/2026/08/1-0_1-0.jsonl.gz", b"entries")
        assert await store.names("T") == ["T/2026/08/1-0_1-0.jsonl.gz"]
    assert (tmp_path / "archive" / "T/2026/08/1-0_1-0.jsonl.gz").read_bytes() == b"entries"
    modes = {str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777 for path in (tmp_path / "archive").rglob("*")}
    file = "archive/T/2026/08/1-0_1-0.jsonl.gz"
    assert modes == {"archive/T": 0o700, "archive/T/2026": 0o700, "archive/T/2026/08": 0o700, file: 0o600}
    assert (tmp_path / "archive").stat().st_mode & 0o777 == 0o700
    wrong = load_settings(data_dir=tmp_path, archive_store="/dev/null/archive")
    with pytest.raises(SettingsError, match="cannot hold archived entries"):
        async with open_services(wrong, NO_REDIS, background=False):
            pass


@pytest.mark.parametrize(
    ("given", "is_shared"),
    [
        ({}, True),
        ({"redis_url": NO_REDIS}, False),
        ({"redis_url": NO_REDIS, "replicas": 1}, True),
        ({"redis_url": NO_REDIS, "replicas": 3}, False),
        ({"redis_url": NO_REDIS, "archive_store": "/srv/shared/archive"}, True),
        ({"redis_url": NO_REDIS, "replicas": 3, "archive_store": "/srv/shared/archive"}, True),
        ({"replicas": 3}, False),
    ],
)
def test_an_archive_is_one_for_all_replicas(given: dict[str, object], is_shared: bool) -> None:
    """A data folder is one where it is known to be the only one: not on a Redis that others may use, too."""
    assert is_archive_shared(load_settings(**given)) is is_shared


@pytest.mark.parametrize(
    ("given", "is_told", "is_counted"),
    [
        ({}, True, False),
        ({"replicas": 3}, True, False),
        ({"replicas": 1}, False, True),
        ({"replicas": 1, "ledger_days": 0}, False, False),
        ({"ledger_days": 0}, False, False),
    ],
)
async def test_without_a_shared_archive_entries_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, given: dict[str, object], is_told: bool, is_counted: bool
) -> None:
    """The start says why nothing is archived, where that is not wished; there is no metric for an alert to watch."""
    settings = load_settings(data_dir=tmp_path, redis_url=NO_REDIS, **given)
    async with open_services(settings, NO_REDIS) as services:
        runs = [sample for metric in services.metrics.archive_runs.collect() for sample in metric.samples]
    assert ("ledger entries stay in redis" in caplog.text) is is_told
    assert bool(runs) is is_counted


async def test_switched_off_nothing_is_opened(tmp_path: Path) -> None:
    """Not even a wrong address is looked at."""
    off = load_settings(data_dir=tmp_path, result_seconds=0, result_store="/dev/null/results")
    async with open_services(off, NO_REDIS, background=False) as services:
        assert not services.results.enabled
    assert not (tmp_path / "results").exists()


async def test_a_wrong_place_is_told(tmp_path: Path) -> None:
    """A start that cannot keep answers does not happen, and says why."""
    wrong = load_settings(data_dir=tmp_path, result_store="/dev/null/results")
    with pytest.raises(SettingsError, match="cannot hold answers"):
        async with open_services(wrong, NO_REDIS, background=False):
            pass
