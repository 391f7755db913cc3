"""The commands that only read, against a running gateway: usage by groups, the ledger, exports, the state."""

import asyncio
import csv
import json
import os
import pty
import sys
from pathlib import Path

import pytest

from app.accounts.models import Limits
from tests.ledger.long_ledger import write_ledger
from tests.ledger.scene import Scene, budget, delivered, open_scene
from tests.support.gateway import ADMIN_TOKEN, Gateway
from tests.support.process import clean_environment
from tests.support.terminal import Terminal


def exports_in(folder: Path) -> list[str]:
    """The files of exports, whole or not."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("all"))


@pytest.fixture
def terminal(gateway: Gateway) -> Terminal:
    return Terminal(gateway)


@pytest.fixture
async def scene(gateway: Gateway) -> Scene:
    """A team with a budget and twelve entries."""
    opened = await open_scene(gateway.services.datastore, budget(10**9), Limits(), Limits())
    await write_ledger(opened, 12)
    return opened


async def test_usage_is_grouped(terminal: Terminal, scene: Scene) -> None:
    """By what is named, as a table, as JSON and as CSV; all teams by team where none is named."""
    by_day = await terminal.run("usage", "--by", "model,day")
    assert by_day.exit_code == 0, by_day.output
    assert by_day.stdout.splitlines()[0].split() == ["MODEL", "DAY", "REQUESTS", "PICTURES", "COST"]
    all_teams = await terminal.run("usage")
    assert all_teams.stdout.splitlines()[0].split()[0] == "TEAM"
    assert (await terminal.told("usage", "--by", "user"))["group_by"] == ["user"]
    by_user = (await terminal.run("usage", "--by", "user")).stdout
    assert {line.split()[0] for line in by_user.splitlines()[1:4]} == {"ana", "ben", "-"}
    sheet = await terminal.run("usage", "--team", scene.team.name, "--by", "key", "--csv")
    assert [row["alias"] for row in csv.DictReader(sheet.stdout.splitlines())] == ["a key", "a key"]
    assert "group_by" in await terminal.refused("usage", "--by", "colour")


async def test_entries_are_listed(terminal: Terminal, scene: Scene) -> None:
    """The newest first, filtered, as many as asked for; one request in full."""
    told = await terminal.told("ledger", "list", "--team", scene.team.name, "--limit", "5", "--model", "qwen-image")
    assert [entry["request"] for entry in told] == [f"req_{number:020d}" for number in (11, 8, 5, 2)]
    listed = await terminal.run("ledger", "list", "--team", scene.team.name)
    assert len(listed.stdout.splitlines()) == 13
    assert "No entries." in (await terminal.run("ledger", "list", "--team", scene.team.name, "--user", "x")).stdout
    shown = await terminal.run("ledger", "show", f"req_{3:020d}", "--team", scene.team.name)
    assert "$0.0412" in shown.stdout
    assert "has no request" in await terminal.refused("ledger", "show", "req_x", "--team", scene.team.name)


async def test_a_fresh_request_is_shown_with_its_stages(terminal: Terminal, gateway: Gateway) -> None:
    """What the register knows stands above its entries."""
    team = await gateway.new_team()
    await gateway.sdk(await gateway.new_key(team)).images.generate(
        model="gpt-image-2", prompt="a paper boat", size="1024x1024", quality="low"
    )
    [entry] = await gateway.entries(team.id)
    shown = (await terminal.run("ledger", "show", entry.request, "--team", team.name)).stdout
    assert "delivered" in shown
    assert "forward" in shown


async def test_an_export_is_a_whole_file(terminal: Terminal, scene: Scene, tmp_path: Path) -> None:
    """In pieces that meet without a gap, in the form of the file's name, with one head; nothing is left beside it."""
    await write_ledger(scene, 5_000, days=1)
    lines, sheet = tmp_path / "all.jsonl", tmp_path / "all.csv"
    for path in (lines, sheet):
        done = await terminal.run("ledger", "export", "--team", scene.team.name, "-o", str(path))
        assert done.exit_code == 0, done.output
        assert "5,012 entries" in done.stderr
    ids = [json.loads(line)["id"] for line in lines.read_text(encoding="utf-8").splitlines()]
    with sheet.open(encoding="utf-8", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ids
    assert len(set(ids)) == 5_012
    assert exports_in(tmp_path) == ["all.csv", "all.jsonl"]
    printed = await terminal.run(
        *("ledger", "export", "--team", scene.team.name, "-o", "-", "--format", "csv", "--until", "2020-01-01")
    )
    assert printed.stdout.count("\n") == 1


async def test_an_export_that_cannot_be_is_told(terminal: Terminal, scene: Scene, tmp_path: Path) -> None:
    """No such folder, no such team: a message, a status, and no file that looks whole."""
    told = await terminal.refused("ledger", "export", "--team", scene.team.name, "-o", str(tmp_path / "no" / "x"))
    assert "Cannot write" in told
    assert "no team" in await terminal.refused("ledger", "export", "--team", "x", "-o", str(tmp_path / "y.csv"))
    assert not (tmp_path / "y.csv").exists()


async def test_a_teammate_sees_its_own_usage(terminal: Terminal, gateway: Gateway) -> None:
    """With nothing but a virtual key and the address; what is wrong is told."""
    team = await gateway.new_team(budget(10**9))
    key = await gateway.new_key(team)
    told = await terminal.run("usage", "--mine", "--key", key)
    assert told.exit_code == 0, told.output
    assert f"tester of team {team.name}" in told.stdout
    assert "$1.00" in told.stdout
    assert (await terminal.told("usage", "--mine", OPENAI_API_KEY=key))["team"] == team.name
    assert "not a virtual key" in await terminal.refused("usage", "--mine", "--key", "sk-ours")
    nobody = await terminal.run("usage", "--mine", IMAGEGATE_KEY="", OPENAI_API_KEY="")
    assert nobody.exit_code == 2
    assert "Your virtual key is missing" in nobody.stderr


async def test_the_state_is_told(terminal: Terminal, gateway: Gateway) -> None:
    """Budgets and what is under way, as tables and as JSON."""
    scene = await open_scene(gateway.services.datastore, budget(10**9))
    await scene.books.settle(await scene.hold("bought", 10**8), delivered(10**8))
    await scene.hold("under way", 2 * 10**8)
    page = (await terminal.run("overview")).stdout
    assert "$0.70" in page
    assert "100.0% delivered" in page
    assert (await terminal.told("overview"))["teams"][0]["left"] == "0.70"
    now = (await terminal.run("live")).stdout
    assert "key 1 of 1: ready" in now
    assert "$0.20" in now
    assert (await terminal.told("live"))["redis"] is True


async def test_what_only_a_gateway_knows_is_not_told_by_another_process(
    terminal: Terminal, gateway: Gateway, redis_url: str, tmp_path: Path
) -> None:
    """Without --url, what is held is read from the books; its start, its requests and its keys are nobody else's."""
    scene = await open_scene(gateway.services.datastore, budget(10**9))
    await scene.hold("under way", 2 * 10**8)
    here = {"IMAGEGATE_URL": "", "IMAGEGATE_REDIS_URL": redis_url, "IMAGEGATE_DATA_DIR": str(tmp_path / "here")}
    now = (await terminal.run("live", **here)).stdout
    assert "$0.20" in now
    assert "only --url tells" in now
    assert "in flight" not in now.partition("only --url tells")[2]
    assert "key 1 of 1" not in now
    assert not {"started_at", "in_flight", "journal_records", "upstream"} & set(await terminal.told("live", **here))


async def test_requests_are_listed(terminal: Terminal, gateway: Gateway) -> None:
    """The operator sees a team's, of one key if that is asked; a teammate its own."""
    team = await gateway.new_team()
    key, other = await gateway.new_key(team), await gateway.new_key(team)
    assert "No requests" in (await terminal.run("requests", "--team", team.name)).stdout
    for who in (key, key, other):
        await gateway.sdk(who).images.generate(model="gpt-image-2", prompt="x", size="1024x1024", quality="low")
    words = ("requests", "--team", team.name)
    listed = (await terminal.run(*words)).stdout.splitlines()
    assert listed[0].split() == ["TIME", "REQUEST", "KEY", "STATE", "MODEL", "PICTURES", "COST"]
    assert len(listed) == 4
    public_id = other.rpartition("-")[0]
    assert [found["state"] for found in await terminal.told(*words, "--key", public_id)] == ["delivered"]
    mine = await terminal.told("requests", "--mine", "--limit", "1", IMAGEGATE_KEY=key)
    assert [found["status"] for found in mine] == ["delivered"]
    assert len((await terminal.run("requests", "--mine", "--key", key)).stdout.splitlines()) == 3
    assert (await terminal.run("requests")).exit_code == 2
    assert (await terminal.run(*words, "--mine")).exit_code == 2


async def test_models_and_prices_are_listed(terminal: Terminal, gateway: Gateway) -> None:
    """For the operator all of them; for a teammate what its key may use."""
    every = (await terminal.run("catalog", "list")).stdout
    assert "$24.00" in every
    assert "unpriced" in every
    assert (await terminal.told("catalog", "list"))["default_model"] == "gpt-image-2"
    key = await gateway.new_key(await gateway.new_team(), models=("gpt-image-2",))
    [one] = (await terminal.told("models", IMAGEGATE_KEY=key))["models"]
    assert one["name"] == "gpt-image-2"
    assert "unpriced" not in (await terminal.run("models", IMAGEGATE_KEY=key)).stdout


async def test_budgets_stand_beside_each_other(terminal: Terminal, gateway: Gateway) -> None:
    """Of a team and each of its keys: spent, held, left."""
    scene = await open_scene(gateway.services.datastore, budget(10**9), Limits(), Limits())
    await scene.books.settle(await scene.hold("bought", 10**8), delivered(10**8))
    shown = (await terminal.run("teams", "standing", scene.team.name)).stdout.splitlines()
    assert shown[0].split()[:3] == ["WHO", "STATE", "BUDGET"]
    assert shown[1].split()[:2] == ["(team)", "-"]
    assert all("  active  no budget  " in line for line in shown[2:])
    assert all(line.endswith("  -") for line in shown[2:])
    assert "$0.90" in shown[1]
    assert len((await terminal.told("teams", "standing", scene.team.name))["standings"]) == 3
    assert "no team" in await terminal.refused("teams", "standing", "nobody")


async def test_an_owner_opens_a_picture(terminal: Terminal, gateway: Gateway, tmp_path: Path) -> None:
    """As a file, never over another; a viewer does not."""
    team = await gateway.new_team()
    await gateway.sdk(await gateway.new_key(team)).images.generate(
        model="gpt-image-2", prompt="a paper boat", size="1024x1024", quality="low"
    )
    [entry] = await gateway.entries(team.id)
    words = ("ledger", "open", entry.request, "--team", team.name, "-o", str(tmp_path / "boat.png"))
    opened = await terminal.told(*words)
    assert opened["files"][0]["bytes"] == (tmp_path / "boat.png").stat().st_size
    assert (tmp_path / "boat.png").read_bytes().startswith(b"\x89PNG")
    assert (await terminal.run(*words)).exit_code == 2
    assert "1024x1024" in (await terminal.run(*words, "--force")).stdout
    viewer = (await terminal.told("tokens", "create", "eva"))["token"]
    assert "owners" in await terminal.refused(*words, "--force", IMAGEGATE_TOKEN=viewer)
    assert f"answer.open   {entry.request}" in (await terminal.run("audit")).stdout


async def on_a_terminal(gateway: Gateway, *words: str) -> tuple[str, str]:
    """What a command prints, and what it shows a terminal beside that."""
    ours, theirs = pty.openpty()
    own = {"IMAGEGATE_URL": gateway.address, "IMAGEGATE_TOKEN": ADMIN_TOKEN, "NO_PROXY": "*", "no_proxy": "*"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *words),
        env=clean_environment() | own,
        stdout=asyncio.subprocess.PIPE,
        stderr=theirs,
    )
    printed, _ = await process.communicate()
    os.close(theirs)
    shown = os.read(ours, 10_000)
    os.close(ours)
    assert process.returncode == 0
    return printed.decode(), shown.decode()


async def test_a_terminal_sees_how_far_it_is(gateway: Gateway, scene: Scene, tmp_path: Path) -> None:
    """Exports and verifications tell it on a line that goes away; what is printed has nothing of it."""
    path = tmp_path / "all.csv"
    printed, shown = await on_a_terminal(gateway, "ledger", "export", "--team", scene.team.name, "-o", str(path))
    assert printed == ""
    assert "12 entries\r" in shown
    printed, shown = await on_a_terminal(gateway, "ledger", "verify")
    assert printed.startswith(f"{scene.team.name}: 12 entries")
    assert f"{scene.team.name}, 1 of 1 teams" in shown
