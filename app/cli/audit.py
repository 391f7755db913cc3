"""``imagegate audit``: who changed what, read from the admin API."""

from collections.abc import Iterator
from typing import Any

import click

from app.cli.options import json_option, target_options
from app.cli.remote import Target, call
from app.cli.tables import echo_json, echo_table, moment_text

_NAMES = ("alias", "name", "id", "request")
"""What a key, a team or token, a credit, and a request whose pictures were opened are called by."""


@click.command()
@click.option("--team", help="Of one team. [default: all, and what is no team's]")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many changes.")
@click.option("--cursor", help="Where to go on: `next_cursor` of the JSON before.")
@json_option
@target_options
def audit(target: Target, team: str | None, limit: int, cursor: str | None, as_json: bool) -> None:
    """Who changed what, newest first."""
    page = call(target, lambda admin: admin.get("/audit", team=team, limit=limit, cursor=cursor))
    if as_json:
        echo_json(page)
        return
    rows = [
        (moment_text(entry["at"]), entry["actor"]["name"], entry["action"], _subject(entry), _changes(entry))
        for entry in page["entries"]
    ]
    echo_table(("WHEN", "WHO", "WHAT", "OF", "CHANGED"), rows)


def _subject(entry: dict[str, Any]) -> str:
    shown = entry["after"] or entry["before"]
    return next(str(shown[name]) for name in _NAMES if name in shown)


def _changes(entry: dict[str, Any]) -> str:
    """The fields that are not what they were; `-` of what was made or taken away as a whole."""
    if not entry["before"] or not entry["after"]:
        return "-"
    return ", ".join(_fields(entry["before"], entry["after"]))


def _fields(before: dict[str, Any], after: dict[str, Any], under: str = "") -> Iterator[str]:
    for name in after | before:
        then, now = before.get(name), after.get(name)
        if isinstance(then, dict) and isinstance(now, dict):
            yield from _fields(then, now, f"{under}{name}.")
        elif then != now:
            yield f"{under}{name}"
