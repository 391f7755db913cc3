"""Archiving at the terminal, where the books are: counted, done, printed again, and verified with the archive."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.datastore.opening import open_datastore
from tests.ledger.long_ledger import write_ledger
from tests.ledger.scene import Scene, open_scene
from tests.support.gateway import Gateway
from tests.support.terminal import Terminal


@pytest.fixture
def terminal(gateway: Gateway) -> Terminal:
    return Terminal(gateway)


@pytest.fixture
async def scene(gateway: Gateway) -> Scene:
    """A team with sixty entries of the last thirty days."""
    opened = await open_scene(gateway.services.datastore)
    await write_ledger(opened, 60, days=30)
    return opened


@pytest.fixture
def here(redis_url: str, gateway: Gateway) -> dict[str, str]:
    """Where the books and the archive are, for a command that works on them itself."""
    data_dir = gateway.services.settings.data_dir
    given = {"REDIS_URL": redis_url, "REPLICAS": "1", "DATA_DIR": str(data_dir), "LEDGER_DAYS": "20"}
    return {f"IMAGEGATE_{name}": value for name, value in given.items()}


async def test_entries_are_archived_and_printed_again(terminal: Terminal, scene: Scene, here: dict[str, str]) -> None:
    """As many as were counted before; what is printed is what an export had of them, and the books balance."""
    team = scene.team.name
    exported = (await terminal.run("ledger", "export", "--team", team, "-o", "-")).stdout.splitlines()
    counted = await terminal.told("ledger", "archive", "--dry-run", **here)
    assert counted["entries"] > 10
    assert counted["teams"] == 1
    done = await terminal.told("ledger", "archive", "--team", team, **here)
    assert {name: done[name] for name in counted if name != "dry_run"} == {
        name: told for name, told in counted.items() if name != "dry_run"
    }
    again = await terminal.run("ledger", "archive", **here)
    assert again.stdout.startswith("0 entries of 0 teams")

    printed = (await terminal.run("ledger", "archived", "--team", team, **here)).stdout.splitlines()
    assert printed == exported[: done["entries"]]
    left = (await terminal.run("ledger", "export", "--team", team, "-o", "-")).stdout.splitlines()
    assert printed + left == exported
    day = f"{datetime.now(UTC) - timedelta(days=25):%Y-%m-%d}"
    younger = await terminal.run("ledger", "archived", "--team", team, "--since", day, **here)
    assert 0 < len(younger.stdout.splitlines()) < len(printed)
    assert json.loads(younger.stdout.splitlines()[0])["team_period"] == "total"

    [report] = await terminal.told("ledger", "verify", "--team", team, "--archive")
    assert report["brought_forward"]["entries"] == done["entries"] == report["archive"]["entries"]
    assert report["brought_forward"]["until"] == json.loads(printed[-1])["id"]
    assert report["entries"] == len(left)
    verified = (await terminal.run("ledger", "verify")).stdout
    assert f"{len(left)} entries behind {done['entries']} archived ones, 0 differences" in verified


async def test_a_missing_file_fails_the_verification(terminal: Terminal, scene: Scene, here: dict[str, str]) -> None:
    """With the archive, the command ends with 1 and names what is not there; without it, the books are right."""
    await terminal.told("ledger", "archive", **here)
    folder = Path(here["IMAGEGATE_DATA_DIR"]) / "archive" / scene.team.id
    next(folder.rglob("*.jsonl.gz")).unlink()
    found = await terminal.run("ledger", "verify", "--archive", "--team", scene.team.name)
    assert found.exit_code == 1
    assert "archive entries: expected" in found.stdout
    assert (await terminal.run("ledger", "verify", "--team", scene.team.name)).exit_code == 0


async def test_young_entries_are_refused(terminal: Terminal, scene: Scene, here: dict[str, str]) -> None:
    """Not younger than eight days, and nothing by default where entries stay for ever; nothing is done."""
    day = f"{datetime.now(UTC) - timedelta(days=7):%Y-%m-%d}"
    assert "last 8 days stay" in await terminal.refused("ledger", "archive", "--before", day, **here)
    told = await terminal.refused("ledger", "archive", **here | {"IMAGEGATE_LEDGER_DAYS": "0"})
    assert "IMAGEGATE_LEDGER_DAYS is 0" in told
    assert len(await scene.entries()) == 60
    day = f"{datetime.now(UTC) - timedelta(days=28):%Y-%m-%d}"
    assert (await terminal.told("ledger", "archive", "--before", day, **here))["before"] == day
    assert 50 < len(await scene.entries()) < 60


async def test_without_a_shared_archive_nothing_goes(terminal: Terminal, scene: Scene, here: dict[str, str]) -> None:
    """On a Redis that others may share the books do not go into a folder of one machine; with a place they do."""
    for replicas in ("", "2"):
        refused = await terminal.refused("ledger", "archive", **here | {"IMAGEGATE_REPLICAS": replicas})
        assert "set IMAGEGATE_ARCHIVE_STORE" in refused
    assert len(await scene.entries()) == 60
    place = {"IMAGEGATE_REPLICAS": "", "IMAGEGATE_ARCHIVE_STORE": f"{here['IMAGEGATE_DATA_DIR']}/shared"}
    assert (await terminal.told("ledger", "archive", **here | place))["entries"] > 10


async def test_what_is_archived_is_not_credited(terminal: Terminal, scene: Scene, here: dict[str, str]) -> None:
    """Who names an archived request is told that it is one, and what to do instead."""
    await terminal.told("ledger", "archive", **here)
    request = f"req_{0:020d}"
    words = ("ledger", "credit", request, "0.01", "--reason", "a test", "--yes", "--team", scene.team.name)
    refused = await terminal.refused(*words)
    assert "archived" in refused
    assert "credit the team" in refused
    young = f"req_{58:020d}"
    assert (await terminal.told("ledger", "credit", young, *words[3:]))["request"] == young
    [report] = await terminal.told("ledger", "verify", "--team", scene.team.name, "--archive")
    assert report["differences"] == []


async def test_another_one_at_work_is_told(terminal: Terminal, scene: Scene, here: dict[str, str]) -> None:
    """Two do not archive at once: the command says so, and does nothing."""
    datastore = open_datastore(here["IMAGEGATE_REDIS_URL"], timeout_seconds=10)
    await datastore.command("SET", "ig:archiving", "somebody")
    assert "Another process archives" in await terminal.refused("ledger", "archive", **here)
    assert len(await scene.entries()) == 60
    await datastore.aclose()
