"""The demo of docker-compose.yml: its gateways, Redis and simulator as programs here, with what the file says."""

import asyncio
import os
import re
import shutil
import stat
import sys
from pathlib import Path

import httpx
import pytest

from app.cli.backup_file import SNAPSHOT, read_manifest
from app.simulator.server import Simulator
from tests.deploy.composition import GATEWAYS, composition, demo_variables
from tests.docs.blocks import blocks, run
from tests.house.pages import page
from tests.house.tree import ROOT
from tests.support.ports import free_port
from tests.support.process import environment, serving
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.slow  # make-secrets needs the system's openssl

# Stands where `docker` does: notes what it is asked, and runs what is for a gateway in a gateway's environment.
_DOCKER = """\
#!/bin/sh
echo "$@" >>"$ASKED"
case " $* " in
*" exec -T gateway-1 "*)
  while [ "$1" != gateway-1 ]; do shift; done
  shift
  exec "$@" ;;
*" cp gateway-1:"*)
  mkdir -p "$4" && cp -R "${3#gateway-1:}" "$4" ;;
esac
"""
_IMAGEGATE = """\
#!/bin/sh
exec "$PYTHON" -m app "$@"
"""
_ON, _DAILY = (block.text for block in blocks(page("operations/containers.md")) if block.language == "bash")


async def test_one_command_and_there_is_a_picture(tmp_path: Path) -> None:
    """`deploy/compose/demo` makes secrets, a team and a key; the key works at both gateways, which share the books.

    These are backed up with the commands of docs/operations/containers.md.
    """
    shutil.copytree(ROOT / "deploy" / "compose", tmp_path / "deploy" / "compose")
    shutil.copytree(ROOT / "deploy" / "redis", tmp_path / "deploy" / "redis")
    secrets, asked = tmp_path / "secrets" / "demo", tmp_path / "asked"
    nowhere = {"PATH": on_path(tmp_path, docker="exit 0"), "ASKED": str(asked)}
    await told_by(tmp_path, nowhere)
    run(_ON.replace("secrets/", f"{secrets}/"), tmp_path, os.environ | nowhere)
    assert stat.S_IMODE((secrets / "users.acl").stat().st_mode) == 0o444  # as before: Redis is another user

    port = free_port()
    redis_url = secrets / "redis_url"
    redis_url.chmod(0o644)
    redis_url.write_text(redis_url.read_text().replace("@redis:6379", f"@127.0.0.1:{port}"))
    users = ("--aclfile", str(secrets / "users.acl"))
    here = ("--bind", "127.0.0.1", "--port", str(port), "--repl-diskless-sync-delay", "0")
    with RedisServer({"include": str(tmp_path / "deploy/redis/redis.conf")}, flags=(*users, *here)):
        async with Simulator() as simulator:
            one, two = (given(tmp_path, name, simulator) for name in GATEWAYS)
            async with serving(one), serving(two):
                programs = on_path(tmp_path, docker=_DOCKER, imagegate=_IMAGEGATE)
                inside = one | {"PATH": programs, "ASKED": str(asked), "PYTHON": sys.executable}
                printed = await told_by(tmp_path, inside)
                (key,) = re.findall(r"sk-ig-\w+-\w+-\w+", printed)
                await use(key, one, two, (secrets / "metrics_token").read_text().strip())
                lines = asked.read_text().splitlines()
                await back_up(tmp_path, inside, port)

    assert {line.startswith("compose --env-file deploy/compose/demo.env --profile demo ") for line in lines} == {True}
    assert any(line.endswith(" up --detach --wait --build") for line in lines)


async def use(key: str, one: dict[str, str], two: dict[str, str], metrics_token: str) -> None:
    """Buy at the second gateway and look at the first: its answer, its books and its metrics."""
    first, second = (f"http://127.0.0.1:{given['IMAGEGATE_PORT']}" for given in (one, two))
    order = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
    async with httpx.AsyncClient(trust_env=False, headers={"Authorization": f"Bearer {key}"}) as client:
        answer = await client.post(f"{second}/v1/images/generations", json=order | {"response_format": "url"})
        assert answer.status_code == 200, answer.text
        link = answer.json()["data"][0]["url"]
        assert link.startswith("https://localhost/images/")  # what clients reach, and the other gateway has it, too
        picture = await client.get(link.replace("https://localhost", first))
        assert picture.content.startswith(b"\x89PNG")
        usage = (await client.get(f"{first}/v1/usage")).json()
        assert (usage["team"], usage["month"]["images"]) == ("demo", 1)
        # Loopback needs no token, and who comes through a proxy is not loopback.
        far = {"X-Forwarded-For": "172.31.250.130"}
        assert (await client.get(f"{second}/metrics", headers=far)).status_code == 401
        token = {"Authorization": f"Bearer {metrics_token}"}
        assert "imagegate_images_total{" in (await client.get(f"{second}/metrics", headers=far | token)).text


async def back_up(folder: Path, inside: dict[str, str], port: int) -> None:
    """Run the daily commands of the page: Redis' snapshot is in the backup, and the archive lies beside it."""
    archived, kept = folder / "shared" / "archive" / "team" / "1-0_2-0.jsonl.gz", folder / "kept"
    archived.parent.mkdir()
    archived.write_bytes(b"old entries")
    script = _DAILY.replace("secrets/", f"{folder}/secrets/demo/").replace("@redis:6379", f"@127.0.0.1:{port}")
    for written, own in (("/data", inside["IMAGEGATE_DATA_DIR"]), ("/shared", f"{folder}/shared")):
        script = script.replace(f":{written}/", f":{own}/").replace(f" {written}/", f" {own}/")
    script = script.replace(" /backups", f" {kept}").replace("'rm /data", f"'rm {inside['IMAGEGATE_DATA_DIR']}")
    await asyncio.to_thread(run, script, folder, os.environ | inside)
    (backup,) = kept.glob("imagegate-*.tar")
    assert SNAPSHOT in read_manifest(backup).files
    assert (kept / "archive" / "team" / archived.name).read_bytes() == b"old entries"


def given(folder: Path, name: str, simulator: Simulator) -> dict[str, str]:
    """A gateway's environment: what the file says, at addresses of this machine."""
    composed = composition(demo_variables())
    told = composed.environment(name, folder / "secrets" / "demo", folder / "shared")
    clean = {name: value for name, value in environment(folder / name, simulator).items() if name != "COMETAPI_KEY"}
    return clean | told | {"COMETAPI_BASE_URL": simulator.url, "IMAGEGATE_PORT": str(free_port())}


def on_path(folder: Path, **scripts: str) -> str:
    """A PATH on which programs are these scripts."""
    (folder / "bin").mkdir(exist_ok=True)
    for name, text in scripts.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    return f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"


async def told_by(folder: Path, given: dict[str, str]) -> str:
    """Run `deploy/compose/demo`; gives what it prints."""
    script = await asyncio.create_subprocess_exec(
        *("sh", str(folder / "deploy" / "compose" / "demo")),
        env=os.environ | given,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, wrong = await script.communicate()
    assert script.returncode == 0, wrong.decode()
    return printed.decode()
