"""One SDK against a whole running gateway: every case of its driver, played in its own environment."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image

from app.accounts.models import Budget, Limits
from app.money import Money
from app.simulator.server import Simulator
from tests.contract.environments import HERE, node_program, python_program
from tests.house.tree import ROOT
from tests.support.gateway import Gateway, running_gateway
from tests.support.redis_server import RedisServer

SDKS = ("openai-1", "openai-2", "openai-3", "openai-node")

LONGEST_RUN_SECONDS = 300.0
"""A driver takes seconds; one that takes this long hangs, and what it had said by then is reported."""


@dataclass(frozen=True, slots=True)
class SdkRun:
    """What a driver said."""

    results: dict[str, dict[str, Any]]
    """By case: ``ok`` and ``detail``, or ``lacks``."""
    complaints: str
    """What it wrote to its standard error."""


def play_all(sdk: str, folder: Path) -> SdkRun:
    """Play every case of an SDK's driver; ``folder`` is for the gateway's and the driver's own files."""
    command = driver_command(sdk, folder)
    return asyncio.run(_play_all(command, folder))


def driver_command(sdk: str, folder: Path) -> Sequence[str]:
    """The program that plays the cases, its environment made."""
    if sdk != "openai-node":
        return str(python_program(sdk)), "-m", "tests.contract.python.run"
    node, modules = node_program()
    # Node looks for packages beside the file that imports them.
    (folder / "node_modules").symlink_to(modules)
    for path in (HERE / "node").glob("*.mjs"):
        (folder / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    return str(node), str(folder / "run.mjs")


async def _play_all(command: Sequence[str], folder: Path) -> SdkRun:
    with RedisServer() as redis:
        given: dict[str, Any] = {
            "catalog_dir": _price_the_unpriced(folder / "catalog"),
            "fetch_networks": "127.0.0.0/8",
            "keepalive_seconds": 0.05,
            # Each played refusal is to reach the SDK: the gateway must not survive it, nor be without a key behind it.
            "upstream_retries": 0,
            "cometapi_key": ",".join(f"sk-upstream-{number}" for number in range(12)),
        }
        async with Simulator() as simulator, running_gateway(redis.url, folder, simulator, **given) as gateway:
            plan = {
                "address": gateway.address,
                "upstream": simulator.origin,
                "keys": await _make_keys(gateway),
                "pictures": str(_draw_pictures(folder / "pictures")),
            }
            return await _run_driver([*command, json.dumps(plan)])


async def _run_driver(words: Sequence[str]) -> SdkRun:
    # Nothing of the developer's own environment, such as a key, an address or a proxy, may change what an SDK does.
    driver = await asyncio.create_subprocess_exec(
        *words,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LONGEST_RUN_SECONDS):
            lines, complaints = await driver.communicate()
    except TimeoutError:
        driver.kill()
        lines, complaints = await driver.communicate()
    results = {said["case"]: said for said in map(json.loads, lines.splitlines())}
    return SdkRun(results, complaints.decode("utf-8", "replace"))


async def _make_keys(gateway: Gateway) -> dict[str, str]:
    """The keys a case may hold, by what they can do, each of a team of its own."""

    async def key(limits: Limits | None = None, **given: Any) -> str:
        return await gateway.new_key(await gateway.new_team(limits), **given)

    revoked = await key()
    _, _, team, public, _ = revoked.split("-")
    await gateway.services.accounts.revoke_key(team, public)
    return {
        "open": await key(),
        "metered": await key(Limits(requests_per_minute=1000, images_per_minute=1000)),
        "once_a_minute": await key(Limits(requests_per_minute=1)),
        "broke": await key(Limits(budget=Budget(Money(1)))),
        "blocked": await key(Limits(requests_per_minute=0)),
        "narrow": await key(models=("gpt-image-2.6-flare",)),
        "revoked": revoked,
        "expired": await key(expires_at=datetime.now(UTC) - timedelta(hours=1)),
        "unknown": "sk-ig-nobody-nokey-nosecret",
    }


def _price_the_unpriced(folder: Path) -> Path:
    """A catalog with two models that ship without a price: qwen-image cannot stream, dall-e-2 makes variations."""
    folder.mkdir()
    price = '[price]\nper_image = "0.04"\nsource = "invented"\n'
    links = '[links]\nhosts = ["127.0.0.1"]\nsource = "the simulator"\n'
    for model in ("qwen-image", "dall-e-2"):
        (folder / f"{model}.toml").write_text(f'extends = "{model}"\n{price}{links}')
    return folder


def _draw_pictures(folder: Path) -> Path:
    """Small pictures to send with edits, a mask, and a text that only calls itself a picture."""
    folder.mkdir()
    for name, colour in (("first.png", "navy"), ("second.jpg", "teal"), ("third.webp", "olive")):
        Image.new("RGB", (64, 64), colour).save(folder / name)
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(folder / "mask.png")
    Image.new("RGBA", (32, 32), (0, 0, 0, 0)).save(folder / "small_mask.png")
    (folder / "text.png").write_text("no picture at all")
    return folder
