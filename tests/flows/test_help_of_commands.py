"""What the command line says of itself: the help of each command, as people read it in a terminal."""

from collections.abc import Iterator

import click
import pytest

from app.cli.changes import changes_in_words
from app.cli.main import main
from app.cli.tables import moment_text


def listed(group: click.Group, words: str = "imagegate") -> Iterator[tuple[str, click.Command, int]]:
    """Every command with its words, and the room for a line about it where its group lists it on 80 columns."""
    context = click.Context(group)
    names = group.list_commands(context)
    room = 80 - 2 - 6 - max(map(len, names))
    for name in names:
        command = group.get_command(context, name)
        assert command is not None
        yield f"{words} {name}", command, room
        if isinstance(command, click.Group):
            yield from listed(command, f"{words} {name}")


def test_the_list_of_commands_has_whole_sentences() -> None:
    """The first sentence of each fits beside its name."""
    cut = [words for words, command, room in listed(main) if command.get_short_help_str(room).endswith("...")]
    assert cut == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["style;dropped"], "style is left out"),
        (['size;to="1024x1024"', "n;fanned-out"], "size is 1024x1024, n is made by several requests"),
        (["stream;emulated"], "stream is made of a whole answer"),
        (["seed;rounded"], "seed;rounded"),
        ([], ""),
    ],
)
def test_changes_are_told_in_words(changes: list[str], words: str) -> None:
    """Those of a gateway; one of a newer gateway stays as it came."""
    assert changes_in_words(changes) == words


@pytest.mark.parametrize("moment", ["2026-11-23T01:59:42.123456Z", "2026-11-23T02:59:42+01:00"])
def test_times_are_told_alike(moment: str) -> None:
    """In UTC and whole seconds, whatever an answer has; nothing is a hyphen."""
    assert moment_text(moment) == "2026-11-23 01:59:42Z"
    assert moment_text(None) == "-"
