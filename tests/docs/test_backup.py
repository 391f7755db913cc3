"""Backup, `rm -rf`, restore: done with the commands of docs/operations/backups.md, and the books balance."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.simulator.server import Simulator
from tests.docs.blocks import blocks, run, shell_environment
from tests.house.pages import page
from tests.support.ports import free_port
from tests.support.process import environment, serving
from tests.support.programs import program
from tests.support.redis_server import RedisServer

TOKEN = "the-admin-token-of-the-tests"
BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x640", "quality": "low"}
PAGE = [block for block in blocks(page("operations/backups.md")) if block.language == "bash"]


def commands(heading: str, number: int = 0) -> str:
    """A block of commands under a heading of the page."""
    return [block.text for block in PAGE if block.heading == heading][number]


class Desk:
    """The operator's shell beside a gateway, and a teammate's client."""

    def __init__(self, folder: Path, simulator: Simulator, **given: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.backups = folder / "backups"
        self.backups.mkdir()
        self.settings = shell_environment(folder) | {
            name: text
            for name, text in environment(self.data, simulator, IMAGEGATE_ADMIN_TOKEN=TOKEN, **given).items()
            if name.startswith(("IMAGEGATE_", "COMETAPI_"))
        }
        self.key = ""

    async def say(self, script: str, **places: str) -> str:
        """Run commands of the page; paths and ports on it become those of the test."""
        places |= {"/tmp/imagegate-rehearsal": f"{self.folder}/rehearsal", "/backups": str(self.backups)}
        for written, own in places.items():
            script = script.replace(written, own)
        return await asyncio.to_thread(run, script, self.folder, self.settings)

    def client(self, key: str) -> httpx.AsyncClient:
        """A client of the gateway, by a virtual key or the admin token."""
        address = f"http://127.0.0.1:{self.settings['IMAGEGATE_PORT']}"
        return httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=30)

    async def found(self) -> None:
        """A team and its key."""
        async with self.client(TOKEN) as operator:
            await operator.post("/admin/v1/teams", json={"name": "design", "limits": {"budget": {"limit": "5"}}})
            made = await operator.post("/admin/v1/teams/design/keys", json={"alias": "ana"})
        self.key = made.json()["key"]

    async def buy(self, number: int, **wishes: Any) -> list[dict[str, Any]]:
        """Pictures, all at once."""
        async with self.client(self.key) as client:
            asked = [client.post("/v1/images/generations", json=BOAT | wishes) for _ in range(number)]
            answers = await asyncio.gather(*asked)
        assert [answer.status_code for answer in answers] == [200] * number
        return [answer.json() for answer in answers]

    async def spent(self) -> str:
        """What the team has spent, in dollars, with nothing held."""
        async with self.client(TOKEN) as operator:
            standing = (await operator.get("/admin/v1/overview")).json()
        assert standing["teams"][0]["held"] == "0.00"
        return str(standing["month"]["cost"])


def system_redis() -> Path:
    """The server that the page's redis-server is, because an older one cannot load what a newer one wrote."""
    return program("redis-server", "redis-server")


async def opened(url: str) -> bytes:
    """What a link to a picture gives."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(url)
    assert answer.status_code == 200
    return answer.content


@pytest.mark.slow
async def test_an_embedded_server_comes_back_from_a_backup(tmp_path: Path) -> None:
    """Bought, backed up while it serves, bought more, `rm -rf`, restored: spend, key and link are of the backup."""
    async with Simulator() as simulator:
        desk = Desk(tmp_path, simulator)
        async with serving(desk.settings):
            await desk.found()
            await desk.buy(5)
            (answer,) = await desk.buy(1, response_format="url")
            link = answer["data"][0]["url"]
            picture, before = await opened(link), await desk.spent()
            archived = desk.data / "archive" / "team" / "2026" / "01" / "1-0_2-0.jsonl.gz"
            archived.parent.mkdir(parents=True)
            archived.write_bytes(b"old entries")
            await desk.say(commands("Making one").replace("--to", "--images --to"))
            await desk.say(commands("Trying it"))
            await desk.buy(3)
            assert await desk.spent() > before
        shutil.rmtree(desk.data)
        restored = await desk.say(commands("Restoring"))
        async with serving(desk.settings):
            after, same = await desk.spent(), await opened(link)
            await desk.buy(1)
            assert "design: 7 entries, 0 differences" in await desk.say("imagegate ledger verify")

    assert "design: 6 entries, 0 differences" in restored
    assert (after, same) == (before, picture)
    assert archived.read_bytes() == b"old entries"


@pytest.mark.slow
async def test_a_redis_of_ones_own_comes_back_from_a_backup(tmp_path: Path) -> None:
    """The same with a server that is not ours, loaded by redis-server and redis-cli as the page has it."""
    port, new_port = free_port(), free_port()
    new_folder = tmp_path / "new-redis"
    new_folder.mkdir()
    async with Simulator() as simulator:
        desk = Desk(tmp_path, simulator, IMAGEGATE_REDIS_URL=f"redis://127.0.0.1:{port}")
        settings = {"appendonly": "yes", "port": str(port), "repl-diskless-sync-delay": "0"}
        with RedisServer(settings, system_redis()) as redis:
            async with serving(desk.settings):
                await desk.found()
                await desk.buy(4)
                before = await desk.spent()
                await desk.say(commands("Making one"))
                await desk.buy(2)
                assert await desk.spent() > before
            assert redis.is_running
        places = {"/var/lib/redis": str(new_folder), "6379": str(new_port)}
        try:
            await desk.say(commands("Restoring", 1), **places)
        finally:
            await desk.say(f"redis-cli -p {new_port} SHUTDOWN NOSAVE || true")
        own = {"appendonly": "yes", "port": str(new_port), "dir": str(new_folder)}
        with RedisServer(own, system_redis()):
            desk.settings["IMAGEGATE_REDIS_URL"] = f"redis://127.0.0.1:{new_port}"
            async with serving(desk.settings):
                assert await desk.spent() == before
                await desk.buy(1)
                assert "design: 5 entries, 0 differences" in await desk.say("imagegate ledger verify")
