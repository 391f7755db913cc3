"""The command ``imagegate serve``: what it asks of the settings, and what it says once it serves."""

from contextlib import suppress

import click

from app.cli.naming import own_command
from app.cli.serve import announce, hint, run_until_stopped, serve_gateway
from app.errors import StoreUnavailable
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.settings.names import SettingsError
from app.wiring.services import Services
from app.wiring.version import VERSION


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
        with suppress(StoreUnavailable):  # it serves all the same
            await _hint_at_teams(services)

    run_until_stopped(settings, lambda listener: serve_gateway(settings, listener, ready))


async def _hint_at_teams(services: Services) -> None:
    if not await services.accounts.has_teams():
        hint(f"There is no team yet. Make one: {own_command()} teams create NAME --budget DOLLARS")


def _who_signs_in(settings: Settings) -> str:
    return ", where operators sign in with IMAGEGATE_ADMIN_TOKEN" if settings.admin_token else ""
