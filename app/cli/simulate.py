"""``imagegate simulate``: the pretend CometAPI alone."""

import asyncio
import os

import click

from app.simulator.run import run_simulator


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8081, show_default=True)
@click.option("--latency", type=click.FloatRange(0, 600), default=1.0, show_default=True, help="Seconds per picture.")
def simulate(host: str, port: int, latency: float) -> None:
    """Run the pretend CometAPI alone.

    Point COMETAPI_BASE_URL at it; COMETAPI_KEY may then be anything.
    """
    try:
        asyncio.run(run_simulator(host, port, latency, lambda url: click.echo(f"COMETAPI_BASE_URL={url}")))
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise click.ClickException(f"Cannot listen on {host}:{port}: {why}. Give another --port or --host.") from None
