"""``imagegate completion``: the script that lets a shell complete names of commands and options."""

import click
from click.shell_completion import get_completion_class

_PROGRAM = "imagegate"
_VARIABLE = "_IMAGEGATE_COMPLETE"
"""What click's scripts set to ask this program what fits; derived from its name, so it cannot be chosen."""


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a SHELL.

    Its start-up file is to read it (docs/command-line.md).
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click has the three of the choice
    click.echo(kind(context.find_root().command, {}, _PROGRAM, _VARIABLE).source())
