"""``imagegate demo``: everything on this machine, with a pretend CometAPI; nothing to buy, nothing to sign up for."""

import asyncio
import os
import secrets
import shlex
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic import SecretStr

from app.accounts.credentials import new_id
from app.accounts.minting import mint
from app.accounts.models import Budget, Limits, Team
from app.cli.naming import own_command
from app.cli.serve import run_until_stopped, serve_gateway
from app.embedded.errors import DataFolderBusyError, EmbeddedError
from app.embedded.lock import DEMO, DataFolderLock
from app.errors import NotFound, Unauthenticated
from app.money import parse_dollars
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from app.wiring.services import Services

DEMO_TEAM = "demo"
_BUDGET = parse_dollars("25")
_LATENCY_SECONDS = 1.0  # long enough to feel like a picture being made, short enough not to bore
_MAX_IN_FLIGHT = 200  # few enough for the files that a usual laptop lets a process open


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on. [default: IMAGEGATE_PORT, 8080 or a free one]",
)
@click.option("--data-dir", type=click.Path(path_type=Path), help="[default: `demo` in the data folder]")
def demo(port: int | None, data_dir: Path | None) -> None:
    """Try it at no cost: a gateway with a pretend CometAPI.

    It has a team, a virtual key and an admin token, and keeps its books in a folder of its own.
    """
    # Neither COMETAPI_KEY nor IMAGEGATE_REDIS_URL is used.
    settings = _demo_settings(port, data_dir)

    async def ready(services: Services, address: str, _operators: str) -> None:
        key = await _demo_key(services, settings.data_dir / "demo-key")
        token = settings.admin_token.get_secret_value() if settings.admin_token else ""
        click.echo(_welcome(address, key, token, settings.data_dir))

    async def work(listener: socket.socket) -> None:
        async with Simulator() as simulator:
            simulator.default = Scenario(latency_seconds=_LATENCY_SECONDS, event_pause_seconds=_LATENCY_SECONDS / 2)
            playing = settings.model_copy(update={"cometapi_base_url": simulator.url})
            await serve_gateway(playing, listener, ready, DEMO)

    run_until_stopped(settings, work)


def _demo_settings(port: int | None, data_dir: Path | None) -> Settings:
    # Given values win over the environment, so a COMETAPI_KEY that stands there is never looked at.
    settings = load_settings(
        cometapi_key=SecretStr("sk-simulator"),
        cometapi_base_url="http://127.0.0.1/v1",
    )
    chosen = settings.model_fields_set
    folder = data_dir or settings.data_dir / "demo"
    _expect_free(folder)
    if port is None:
        port = settings.port if "port" in chosen else _free_port(settings.host, settings.port)
    return settings.model_copy(
        update={
            "redis_url": None,
            "total_budget": None,
            "admin_port": None,
            "port": port,
            "data_dir": folder,
            "log_level": "warning",
            "max_in_flight": settings.max_in_flight if "max_in_flight" in chosen else _MAX_IN_FLIGHT,
            "admin_token": settings.admin_token or SecretStr(_demo_token(folder / "demo-admin-token")),
        }
    )


def _expect_free(folder: Path) -> None:
    """Look whether a demo runs in the folder already, before anything else is said of it.

    Raises:
        click.ClickException: one does, or the folder cannot be used.

    """

    async def look() -> None:
        async with DataFolderLock(folder, DEMO):
            pass

    try:
        asyncio.run(look())
    except DataFolderBusyError as error:
        raise click.ClickException(f"{error} --data-dir names one.") from None
    except EmbeddedError as error:
        raise click.ClickException(str(error)) from None


def _free_port(host: str, wanted: int) -> int:
    """The wanted port, or 0 (any) when somebody has it: a demo should not fail for that."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError:
            click.echo(f"Port {wanted} is taken, so another one is used.")
            return 0
    return wanted


def _demo_token(file: Path) -> str:
    """The admin token for the demo's console: that of last time, else a new one."""
    with suppress(OSError):
        if text := _read(file):
            return text
    text = secrets.token_urlsafe(24)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(file, text)
    return text


async def _demo_key(services: Services, file: Path) -> str:
    """The demo's virtual key: the one of last time where it still works, else a new one."""
    try:
        text = _read(file)
        await services.keys.authenticate(f"Bearer {text}", fresh=True)
    except (OSError, Unauthenticated):
        text = await _new_key(services)
        _write(file, text)
    return text


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()


def _write(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text + "\n")


async def _new_key(services: Services) -> str:
    try:
        team = await services.accounts.find_team(DEMO_TEAM)
    except NotFound:
        team = Team(
            new_id(), DEMO_TEAM, datetime.now(UTC), Limits(requests_per_minute=600, budget=Budget(_BUDGET, "month"))
        )
        await services.accounts.create_team(team)
    key, text = mint(team.id, "you", Limits())
    await services.accounts.create_key(key)
    return text


def _welcome(address: str, key: str, token: str, folder: Path) -> str:
    base_url = f"{address}/v1"
    bold = click.style
    return f"""
{bold("imagegate demo", bold=True)} - a gateway, its Redis and a pretend CometAPI. Nothing here costs anything.

  base URL     {base_url}
  virtual key  {key}
  console      {address}/console/
  admin token  {token}
  data folder  {folder}

{bold("With curl", bold=True)}
curl -sS {base_url}/images/generations -o answer.json \\
  -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\
  -d '{{"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}}'
grep -o '"b64_json":"[^"]*' answer.json | cut -d'"' -f4 | base64 -d > boat.png; [ -s boat.png ] || cat answer.json

{bold("With Python", bold=True)} (pip install openai)
import base64, openai
client = openai.OpenAI(base_url="{base_url}", api_key="{key}")
image = client.images.generate(model="gpt-image-2", prompt="a paper boat", size="1024x1024", quality="low")
open("boat.png", "wb").write(base64.b64decode(image.data[0].b64_json))
print("boat.png,", image.usage.total_tokens, "tokens")

{bold("What it cost", bold=True)}
{own_command()} usage --team {DEMO_TEAM} --data-dir {shlex.quote(str(folder))}

Ctrl-C stops it.
"""
