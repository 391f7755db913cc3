"""``imagegate requests``: what became of the newest requests, a team's for the operator or a teammate's own."""

from datetime import UTC, datetime
from typing import Any

import click

from app.cli.options import json_option, target_options
from app.cli.remote import Target, call
from app.cli.tables import echo_json, echo_table, moment_text, readable_dollars
from app.cli.teammate import call_public

_MOST = 100


@click.command()
@click.option("--team", help="Whose requests.")
@click.option("--mine", is_flag=True, help="Those of your own virtual key.")
@click.option("--key", help="With --team: of one key (id, public id or alias). With --mine: your virtual key.")
@click.option("--limit", type=click.IntRange(1, _MOST), default=20, show_default=True, help="How many.")
@json_option
@target_options
def requests(target: Target, *, team: str | None, mine: bool, key: str | None, limit: int, as_json: bool) -> None:
    """The newest requests of a day, those under way too.

    --team for an operator, --mine for a teammate.
    """
    if mine == (team is not None):
        raise click.UsageError("Say whose requests: --team NAME, or --mine (one of the two).")
    if mine:
        told = call_public(target.url, key, lambda door: door.get("/images/requests", limit=limit))["data"]
        rows = [_own(request) for request in told]
    else:
        told = call(target, lambda admin: admin.get("/requests", team=team, key=key, limit=limit))["requests"]
        rows = [_of_team(request) for request in told]
    if as_json:
        echo_json(told)
    elif not rows:
        click.echo("No requests within a day.")
    else:
        whose = () if mine else ("KEY",)
        echo_table(("TIME", "REQUEST", *whose, "STATE", "MODEL", "PICTURES", "COST"), rows, numbers=(-2, -1))


def _own(request: dict[str, Any]) -> tuple[object, ...]:
    began = datetime.fromtimestamp(request["created_at"], UTC).isoformat()
    return (moment_text(began), request["id"], request["status"], *_what(request))


def _of_team(request: dict[str, Any]) -> tuple[object, ...]:
    began = moment_text(request["admitted_at"])
    return (began, request["id"], request["alias"] or request["key"], request["state"], *_what(request))


def _what(request: dict[str, Any]) -> tuple[object, ...]:
    cost = readable_dollars(request["cost"], 9) if request["cost"] is not None else "-"
    return (request["model"], request["images"], cost)
