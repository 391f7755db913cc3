"""``imagegate serve | demo | simulate``: the commands that run until they are stopped."""

import asyncio
from pathlib import Path

import click

from app.cli.demo import run_demo
from app.cli.naming import own_command
from app.cli.serve import announce, hint, run_until_stopped, serve_gateway
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.settings.names import SettingsError
from app.simulator.run import run_simulator
from app.wiring.services import Services
from app.wiring.version import VERSION


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
    run_demo(port, data_dir)


@click.command()
def serve() -> None:
    """Serve with the real upstream.

    Settings come from the environment (docs/configuration.md).
    """
    settings = load_settings()
    if settings.cometapi_key is None or not settings.cometapi_key.get_secret_value():
        raise SettingsError(
            "COMETAPI_KEY is not set: put your CometAPI key into it (or its file into COMETAPI_KEY_FILE), "
            "or try `imagegate demo`, which needs none."
        )

    async def ready(services: Services, address: str, operators: str) -> None:
        announce(
            "ready",
            f"imagegate {VERSION} serves {address}/v1",
            version=VERSION,
            catalog=services.catalog.version,
            address=address,
            operators=operators,
            data_dir=str(settings.data_dir),
        )
        hint(f"console      {operators}/console/{_who_signs_in(settings)}")
        hint(f"data folder  {settings.data_dir}")
        if not await services.accounts.team_ids():
            hint(f"There is no team yet. Make one: {own_command()} teams create NAME --budget DOLLARS")

    run_until_stopped(settings, lambda listener: serve_gateway(settings, listener, ready))


def _who_signs_in(settings: Settings) -> str:
    return ", where operators sign in with IMAGEGATE_ADMIN_TOKEN" if settings.admin_token else ""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8081, show_default=True)
@click.option("--latency", type=click.FloatRange(0, 600), default=1.0, show_default=True, help="Seconds per picture.")
def simulate(host: str, port: int, latency: float) -> None:
    """Run the pretend CometAPI alone.

    Point COMETAPI_BASE_URL at it; COMETAPI_KEY may then be anything.
    """
    asyncio.run(run_simulator(host, port, latency, lambda url: click.echo(f"COMETAPI_BASE_URL={url}")))
