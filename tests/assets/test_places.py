"""What the settings make of the places for pictures and answers."""

from contextlib import aclosing
from pathlib import Path

import pytest

from app.settings.loading import load_settings
from app.settings.names import SettingsError
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
        async with open_services(load_settings(data_dir=tmp_path, **given), NO_REDIS, background=False) as services:
            await services.archive.put("T/2026/08/1-0_1-0.jsonl.gz", b"entries")
            assert await services.archive.names("T") == ["T/2026/08/1-0_1-0.jsonl.gz"]
    assert (tmp_path / "archive" / "T/2026/08/1-0_1-0.jsonl.gz").read_bytes() == b"entries"
    assert (tmp_path / "archive").stat().st_mode & 0o777 == 0o700
    wrong = load_settings(data_dir=tmp_path, archive_store="/dev/null/archive")
    with pytest.raises(SettingsError, match="cannot hold archived entries"):
        async with open_services(wrong, NO_REDIS, background=False):
            pass


async def test_replicas_without_a_shared_archive_keep_their_entries(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The books are not spread over folders of single replicas: nothing is archived, and the start says why."""
    for given, is_told in (
        ({"replicas": 3}, True),
        ({"replicas": 1}, False),
        ({"archive_store": f"{tmp_path}/a"}, False),
    ):
        caplog.clear()
        settings = load_settings(data_dir=tmp_path / "data", **{"replicas": 3, **given})
        async with open_services(settings, NO_REDIS):
            pass
        assert ("ledger entries stay in redis" in caplog.text) is is_told


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
