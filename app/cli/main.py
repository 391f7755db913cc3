"""The command ``imagegate``: run a gateway, try one, or look after its teams, keys and books."""

import asyncio
from pathlib import Path

import click
from typing_extensions import override

from app.catalog.catalog import CatalogError, load_catalog
from app.cli.demo import run_demo
from app.cli.naming import own_command
from app.cli.operator import keys, teams
from app.cli.reports import ledger, usage
from app.cli.serve import announce, run_until_stopped, serve_gateway
from app.cli.tables import echo_table
from app.money import TOKENS_PER_PRICE, format_dollars
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


@main.command()
def check() -> None:
    """Check settings and catalog without starting anything; print the models and their prices."""
    settings = load_settings()
    catalog = load_catalog(settings.catalog_dir, settings.default_model)
    profiles = (*catalog.profiles(), *catalog.retired())
    rows: list[tuple[str, ...]] = []
    for profile in profiles:
        prices = profile.prices
        if prices is None:
            rows.append((profile.name, "-", "-", "-", "unpriced"))
        elif prices.by_tokens:
            listed = (prices.text_input, prices.image_input, prices.image_output)
            basis = "list price" if prices.basis == "list" else ""
            rows.append((profile.name, *(format_dollars(price * TOKENS_PER_PRICE) for price in listed), basis))
        else:
            rows.append((profile.name, "-", "-", "-", f"{format_dollars(prices.per_image)} a picture"))
    echo_table(("MODEL", "TEXT IN /M", "IMAGE IN /M", "IMAGE OUT /M", ""), rows, numbers=(1, 2, 3))
    for profile in profiles:
        told = profile.prices.source if profile.prices else "no known price, so requests for it are refused"
        click.echo(f"\n{profile.name}: {told}")
        if profile.deprecated:
            click.echo(f"  Its maker ends it on {profile.deprecated.ends}; use {profile.deprecated.replacement}.")
        if profile.retired:
            click.echo(f"  Retired since {profile.retired.since}; use {profile.retired.replacement}.")
    click.echo(f"\nCatalog {catalog.version}, default model {catalog.default_model}.")
    if settings.cometapi_key is None:
        raise click.ClickException("COMETAPI_KEY is not set: `imagegate serve` will not start without it.")
    click.echo("Settings are in order.")


main.add_command(teams)
main.add_command(keys)
main.add_command(usage)
main.add_command(ledger)
