"""The command ``imagegate``: run a gateway, try one, look after its teams, keys and books, or make pictures with it."""

import gc
import sys
from importlib import import_module
from types import ModuleType

import click
from click.shell_completion import CompletionItem
from typing_extensions import override

from app.catalog.documents import CatalogError
from app.settings.names import SettingsError

_COMMANDS = {
    "demo": "demo:demo",
    "serve": "running:serve",
    "check": "check:check",
    "simulate": "simulate:simulate",
    "image": "image:image",
    "models": "models:models",
    "teams": "teams:teams",
    "keys": "keys:keys",
    "tokens": "tokens:tokens",
    "usage": "usage:usage",
    "overview": "state:overview",
    "live": "state:live",
    "requests": "requests:requests",
    "ledger": "ledger:ledger",
    "reconcile": "reconcile:reconcile",
    "audit": "audit:audit",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "catalog": "catalog:catalog",
    "completion": "completion:completion",
}
"""Where each command is. It is imported when it is called: a whole gateway comes with some, and a second of waiting."""


def _imported(name: str) -> ModuleType:
    """Import a module with all it needs, out of the collector's sight.

    What is imported stays until the end; looking through it for garbage, time and again, took a tenth of the start.
    """
    if name in sys.modules:
        return sys.modules[name]
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.enable()


class _Commands(click.Group):
    """The commands, and what is wrong with the settings or the catalog as a message and status 2."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(_imported(f"app.cli.{module}"), name)
        return command

    @override
    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # Not as a group does it: that imports every command to see whether it is hidden, at each press of Tab.
        names = [CompletionItem(name) for name in _COMMANDS if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    @override
    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (SettingsError, CatalogError) as error:
            click.secho(f"Error: {error}", fg="red", err=True)
            ctx.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="imagegate", prog_name="imagegate")
def main() -> None:
    """A gateway for image generation: one CometAPI key, a whole team, every picture metered."""
