"""The command ``imagegate``: run a gateway, try one, or look after its teams, keys and books."""

import asyncio
from pathlib import Path

import click
from typing_extensions import override

from app.catalog.documents import CatalogError
from app.cli.catalog import catalog
from app.cli.check import check
from app.cli.demo import run_demo
from app.cli.keys import keys
from app.cli.naming import own_command
from app.cli.reconcile import reconcile
from app.cli.reports import ledger, usage
from app.cli.serve import announce, run_until_stopped, serve_gateway
from app.cli.teams import teams
from app.settings import SettingsError, load_settings
from app.simulator.run import run_simulator
from app.wiring import VERSION, Services


class _Commands(click.Group):
    """Turns wrong settings and catalogs of any command into their message and status 2."""

    @override
    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (SettingsError, CatalogError) as error:
            click.secho(f"Error: {error}", fg="red", err=True)
            ctx.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="imagegate")
def main() -> None:
    """A gateway for image generation: one CometAPI key, a whole team, every picture metered."""


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on. [default: IMAGEGATE_PORT, 8080 or a free one]",
)
@click.option("--data-dir", type=click.Path(path_type=Path), help="[default: `demo` in the data folder]")
def demo(port: int | None, data_dir: Path | None) -> None:
    """Try it: a gateway with a pretend CometAPI, a team and a key. Costs nothing."""
    run_demo(port, data_dir)


@main.command()
def serve() -> None:
    """Serve with the real upstream; settings come from the environment (docs/configuration.md)."""
    settings = load_settings()
    if settings.cometapi_key is None or not settings.cometapi_key.get_secret_value():
        raise click.ClickException(
            "COMETAPI_KEY is not set: put your CometAPI key into it (or its file into COMETAPI_KEY_FILE), "
            "or try `imagegate demo`, which needs none."
        )

    async def ready(services: Services, address: str) -> None:
        announce(f"imagegate {VERSION} serves {address}/v1")
        if not await services.accounts.team_ids():
            announce(f"There is no team yet. Make one: {own_command()} teams create NAME --budget DOLLARS")

    run_until_stopped(settings, lambda listener: serve_gateway(settings, listener, ready))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8081, show_default=True)
@click.option("--latency", type=click.FloatRange(0, 600), default=1.0, show_default=True, help="Seconds per picture.")
def simulate(host: str, port: int, latency: float) -> None:
    """Run the pretend CometAPI alone; point COMETAPI_BASE_URL at it."""
    asyncio.run(run_simulator(host, port, latency, lambda url: click.echo(f"COMETAPI_BASE_URL={url}")))


main.add_command(check)
main.add_command(catalog)
main.add_command(teams)
main.add_command(keys)
main.add_command(usage)
main.add_command(ledger)
main.add_command(reconcile)
