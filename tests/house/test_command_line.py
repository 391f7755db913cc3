"""The commands and docs/command-line.md: each is told, each keeps its manners, and none is missing."""

import re
from collections.abc import Iterator

import click

from app.cli.main import main
from app.cli.remote import Unanswered
from app.cli.teammate import KEY_VARIABLES, URL_VARIABLES
from tests.house.pages import code, page, table

NO_JSON = {"demo", "serve", "simulate", "completion", "ledger archived", "ledger export"}
"""They print no table: processes, a script, a file that is JSON or CSV already."""

TAKES_AWAY = {"keys rotate", "keys disable", "keys revoke", "tokens revoke", "ledger credit"}


def commands(group: click.Group = main, above: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def options(command: click.Command) -> set[str]:
    """The options of a command as they are typed."""
    return {spelling for parameter in command.params for spelling in parameter.opts}


def routes(cell: str) -> set[str]:
    """The routes named in a cell; how a parameter is called is each page's own affair."""
    return {re.sub(r"\{\w+\}", "{}", route) for route in re.findall(r"`([A-Z]+ /[^`]+)`", cell)}


def test_every_command_is_on_the_page() -> None:
    """docs/command-line.md has every command and no other."""
    told = [code(row[0]).removeprefix("imagegate ") for row in table(page("command-line.md"), "## Every command")]
    assert sorted(told) == sorted(name for name, _ in commands())


def test_every_route_of_the_operator_has_a_command() -> None:
    """What the operator's door can do, the command line can; and no command is said to use a route there is not."""
    api = page("api.md")
    public, operators = (
        set().union(*(routes(row[0]) for row in table(api, heading)))
        for heading in ("## Public door", "## Operator's door")
    )
    used = set().union(*(routes(row[2]) for row in table(page("command-line.md"), "## Every command")))
    assert operators - used == set()
    assert used - operators - public == set()


def test_every_command_keeps_the_manners() -> None:
    """Tables have a --json, what takes away asks first, and everything has a sentence."""
    found = dict(commands())
    assert {name for name, command in found.items() if "--json" not in options(command)} == NO_JSON
    assert {name for name, command in found.items() if "--yes" in options(command)} == TAKES_AWAY
    assert [name for name, command in found.items() if not command.help] == []


def test_exit_codes_are_on_the_page() -> None:
    """The four there are, and what they mean."""
    told = {int(row[0]) for row in table(page("command-line.md"), "## Exit codes")}
    assert told == {0, click.ClickException.exit_code, click.UsageError.exit_code, Unanswered.exit_code}


def test_variables_are_on_the_page() -> None:
    """Those an option is read from."""
    rows = table(page("command-line.md"), "## Environment")
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    read = {str(option.envvar) for _, command in commands() for option in command.params if option.envvar is not None}
    assert (read | set(URL_VARIABLES) | set(KEY_VARIABLES)) - told == set()
